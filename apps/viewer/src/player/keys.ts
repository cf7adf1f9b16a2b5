// What the keyboard does while a film is shown.

export type Command =
  | { do: "toggle" }
  | { do: "seek"; by: number }
  | { do: "volume"; by: number }
  | { do: "mute" }
  | { do: "fullscreen" }
  | { do: "captions" };

export const SEEK_SECONDS = 10;
const VOLUME_STEP = 0.1;

interface Pressed {
  key: string;
  modified: boolean;
  /** Where the focus is. */
  on: "nothing" | "button" | "seek" | "volume" | "choice";
}

/** The command of a key. A focused control keeps the keys that are its own. */
export function commandOf({ key, modified, on }: Pressed): Command | undefined {
  if (modified || on === "choice") return undefined;
  switch (key) {
    case " ":
      return on === "button" ? undefined : { do: "toggle" };
    case "k":
    case "K":
      return { do: "toggle" };
    case "ArrowLeft":
      return on === "volume" ? undefined : { do: "seek", by: -SEEK_SECONDS };
    case "ArrowRight":
      return on === "volume" ? undefined : { do: "seek", by: SEEK_SECONDS };
    case "ArrowUp":
      return on === "volume" ? undefined : { do: "volume", by: VOLUME_STEP };
    case "ArrowDown":
      return on === "volume" ? undefined : { do: "volume", by: -VOLUME_STEP };
    case "m":
    case "M":
      return { do: "mute" };
    case "f":
    case "F":
      return { do: "fullscreen" };
    case "c":
    case "C":
      return { do: "captions" };
    default:
      return undefined;
  }
}

export function focusKind(target: EventTarget | null): Pressed["on"] {
  if (!(target instanceof HTMLElement)) return "nothing";
  const kind = target.dataset["keys"];
  if (kind === "seek" || kind === "volume" || kind === "choice") return kind;
  return target.closest("button, a, summary") ? "button" : "nothing";
}
