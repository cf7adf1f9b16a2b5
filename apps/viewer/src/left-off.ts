// Where this page's viewer left off a moment ago: shown at once, for the list of progress follows playback's events and
// may be a little behind.
import type { Progress } from "./api/client.ts";

const A_MOMENT_MILLISECONDS = 60_000;

export interface LeftOff {
  titleId: string;
  seconds: number;
  at: number;
}

const notes = new Map<string, LeftOff>();

export function noteLeftOff(note: LeftOff): void {
  notes.set(note.titleId, note);
}

export const leftOffNotes = (): LeftOff[] => [...notes.values()];

/** The list with what was noted within the last moment put first, the latest foremost. */
export function withLeftOff(progress: readonly Progress[], noted: readonly LeftOff[], now: number): Progress[] {
  const fresh = noted.filter(({ at }) => now - at < A_MOMENT_MILLISECONDS).sort((a, b) => b.at - a.at);
  const known = new Map(progress.map((entry) => [entry.title_id, entry]));
  const first = fresh.map(({ titleId, seconds, at }) => ({
    title_id: titleId,
    version: known.get(titleId)?.version ?? 0,
    position_seconds: seconds,
    watched_at: new Date(at).toISOString(),
  }));
  const ids = new Set(first.map(({ title_id }) => title_id));
  return [...first, ...progress.filter(({ title_id }) => !ids.has(title_id))];
}
