// Which subtitles are shown: what the viewer chose, on this browser, over films and visits.

/** One of a film's subtitles, as the manifest has it. */
export interface TextTrack {
  id: number;
  /** BCP 47 tag; empty where the film does not say. */
  tag: string;
  /** For those who do not hear well (SDH). */
  captions: boolean;
  /** Only what has to be read to understand the film; shown to who wants no subtitles. */
  forced: boolean;
}

/** What a viewer wants to read. */
export interface Wish {
  on: boolean;
  /** Of the last subtitles that were chosen. */
  tag: string;
  captions: boolean;
}

const NAME = "tessera.subtitles";

const language = (tag: string): string => tag.split("-")[0] ?? tag;

/** Subtitles that can be chosen: forced ones come by themselves. */
export const choices = <T extends TextTrack>(tracks: readonly T[]): T[] => tracks.filter(({ forced }) => !forced);

/** The chosen subtitles that come closest to a wish: the tag before the language, and that before whom they are for. */
export function closest<T extends TextTrack>(tracks: readonly T[], { tag, captions }: Wish): T | undefined {
  const rank = (track: T) => (track.tag === tag ? 2 : 0) + (track.captions === captions ? 1 : 0);
  const [best] = choices(tracks)
    .filter((track) => language(track.tag) === language(tag))
    .sort((a, b) => rank(b) - rank(a));
  return best;
}

/** What is shown: the wish where the film has it, else what has to be read by who hears `sound`. */
export function shown<T extends TextTrack>(tracks: readonly T[], wish: Wish | undefined, sound: string): T | undefined {
  const wished = wish?.on ? closest(tracks, wish) : undefined;
  return wished ?? tracks.find(({ forced, tag }) => forced && language(tag) === language(sound));
}

/** What turning subtitles on begins with, when nothing is said: as last time, else the reader's language, else the first. */
export function first<T extends TextTrack>(
  tracks: readonly T[],
  wish: Wish | undefined,
  reader: readonly string[],
): T | undefined {
  const wishes = [...(wish ? [wish] : []), ...reader.map((tag) => ({ on: true, tag, captions: false }))];
  for (const each of wishes) {
    const found = closest(tracks, each);
    if (found) return found;
  }
  return choices(tracks)[0];
}

/** What this browser keeps; nothing where it keeps nothing, or something else. */
export function remembered(): Wish | undefined {
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? "null") as Partial<Wish> | null;
    if (typeof kept?.on !== "boolean" || typeof kept.tag !== "string") return undefined;
    return { on: kept.on, tag: kept.tag, captions: kept.captions === true };
  } catch {
    return undefined;
  }
}

export function remember(wish: Wish): void {
  try {
    localStorage.setItem(NAME, JSON.stringify(wish));
  } catch {
    // a private window: the wish holds for this film
  }
}
