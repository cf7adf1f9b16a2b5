// Where to go on, and what counts as seen to the end.
import type { Progress, Title } from "./api/client.ts";

/** The last part of a film is credits: from here on it counts as seen. */
const SEEN = 0.95;
/** Fewer seconds than this is no progress worth keeping. */
const BARELY = 5;

export interface Watching {
  title: Title;
  positionSeconds: number;
  /** 0 to 1; 0 when the length is not known. */
  fraction: number;
}

export function fraction(positionSeconds: number, durationSeconds: number | null | undefined): number {
  if (!durationSeconds || durationSeconds <= 0) return 0;
  return Math.min(1, Math.max(0, positionSeconds / durationSeconds));
}

/** The second to begin at: where the viewer left off, unless that is the very beginning or the end. */
export function startAt(resumeSeconds: number, durationSeconds: number | null | undefined): number {
  if (!Number.isFinite(resumeSeconds) || resumeSeconds < BARELY) return 0;
  return fraction(resumeSeconds, durationSeconds) >= SEEN ? 0 : resumeSeconds;
}

/** What was begun and not finished, in the order of the progress list (latest first). */
export function continueWatching(progress: readonly Progress[], titles: readonly Title[]): Watching[] {
  const byId = new Map(titles.map((title) => [title.title_id, title]));
  return progress.flatMap(({ title_id, position_seconds }) => {
    const title = byId.get(title_id);
    if (!title || startAt(position_seconds, title.duration_seconds) === 0) return [];
    return [{ title, positionSeconds: position_seconds, fraction: fraction(position_seconds, title.duration_seconds) }];
  });
}
