// Why playing cannot go on, in plain words, and what the viewer can do about it.
import type { ApiError } from "../api/problem.ts";
import { explain, strings } from "../strings.ts";
import type { End } from "./heartbeats.ts";

export type WayOut = "retry" | "offers" | "sign-in";

export interface Trouble {
  title: string;
  text: string;
  way: WayOut | undefined;
  /** What the way out's button says. */
  label: string;
}

const text = strings.player;

const retry = (title: string, detail: string, label: string = strings.common.retry): Trouble => ({
  title,
  text: detail,
  way: "retry",
  label,
});

export function troubleOf(error: ApiError): Trouble {
  switch (error.code) {
    case "stream_limit_reached":
      return retry(text.streamLimit, sentence(error.message) || text.streamLimitHint);
    case "lease_lost":
    case "session_not_found":
      return retry(text.leaseLost, text.leaseLostText, text.playHere);
    case "not_entitled":
      return { title: text.notEntitled, text: explain(error), way: "offers", label: text.chooseHow };
    case "grant_ended":
    case "grant_revoked":
    case "licence_denied":
      return { title: text.grantEnded, text: explain(error), way: "offers", label: text.chooseHow };
    case "unauthenticated":
      return { title: text.signedOut, text: text.signedOutText, way: "sign-in", label: strings.nav.signIn };
    case "network":
      return retry(text.connection, text.connectionText);
    case "player_unsupported":
      return { title: text.cannotPlay, text: text.unsupported, way: undefined, label: "" };
    default:
      if (error.code.startsWith("player_"))
        return retry(text.cannotPlay, text.playerFailed(error.code.slice("player_".length)));
      return error.passing || error.code === "token_invalid"
        ? retry(text.cannotPlay, explain(error))
        : { title: text.cannotPlay, text: explain(error), way: undefined, label: "" };
  }
}

export function troubleOfEnd(end: End): Trouble {
  return end.why === "connection" ? retry(text.connection, text.connectionText) : troubleOf(end.error);
}

/** Details are written for people, and may lack the full stop or the capital. */
function sentence(detail: string): string {
  const trimmed = detail.trim();
  if (!trimmed) return "";
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
