// Money, lengths and dates in the reader's form.
import type { Money } from "./api/client.ts";
import { strings } from "./strings.ts";

/** The reader's own region where it speaks our language: `en-GB` writes dates differently from `en-US`. */
export const locale: string =
  (typeof navigator === "undefined" ? [] : navigator.languages).find((tag) => tag.startsWith(strings.language)) ??
  strings.language;

export function money({ amount_minor, currency }: Money): string {
  const format = new Intl.NumberFormat(locale, { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amount_minor / 10 ** digits);
}

const unit = (value: number, name: string, display: "narrow" | "long") =>
  new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: display }).format(value);

/** `1h 42m`, and seconds for what is under a minute. */
export function length(seconds: number): string {
  if (seconds < 60) return unit(Math.max(0, Math.round(seconds)), "second", "narrow");
  const minutes = Math.round(seconds / 60);
  const [h, m] = [Math.floor(minutes / 60), minutes % 60];
  const parts = [h > 0 ? unit(h, "hour", "narrow") : "", m > 0 ? unit(m, "minute", "narrow") : ""];
  return parts.filter(Boolean).join(" ");
}

/** `48 hours`, or days where they are whole and more than three. */
export function rentalLength(hours: number): string {
  return hours % 24 === 0 && hours > 72 ? unit(hours / 24, "day", "long") : unit(hours, "hour", "long");
}

/** A position in a film: `0:05`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A position for a screen reader: `1 minute 5 seconds`. */
export function spokenClock(seconds: number): string {
  const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  const parts: [number, string][] = [
    [Math.floor(whole / 3600), "hour"],
    [Math.floor(whole / 60) % 60, "minute"],
    [whole % 60, "second"],
  ];
  const said = parts.filter(([n, name]) => n > 0 || (name === "second" && whole === 0));
  return said.map(([n, name]) => unit(n, name, "long")).join(" ");
}

export const day = (time: string): string =>
  new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" }).format(new Date(time));

export const moment = (time: string): string =>
  new Intl.DateTimeFormat(locale, {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "numeric",
    minute: "2-digit",
  }).format(new Date(time));

/** Genres and plans are lower-case names on the wire. */
export const label = (name: string): string =>
  name
    .split(/[-_ ]+/)
    .map((word) => word.charAt(0).toLocaleUpperCase(locale) + word.slice(1))
    .join(" ");

/** The text of a map by language: the reader's language, else the service's, else any. */
export function localized(texts: Record<string, string>, wanted: readonly string[]): string {
  for (const tag of wanted) {
    const language = tag.split("-")[0] ?? tag;
    const same =
      Object.keys(texts).find((key) => key === tag) ?? Object.keys(texts).find((key) => key.split("-")[0] === language);
    if (same !== undefined) return texts[same] ?? "";
  }
  return Object.values(texts)[0] ?? "";
}

/** What a language calls itself; undefined where the tag is none. */
export function languageName(tag: string): string | undefined {
  if (!tag) return undefined;
  try {
    return new Intl.DisplayNames([tag], { type: "language" }).of(tag);
  } catch {
    return tag;
  }
}
