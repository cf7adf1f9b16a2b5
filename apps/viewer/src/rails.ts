// Which rows the front page has.
import type { Title } from "./api/client.ts";

/** A genre with fewer titles than this has no row of its own, unless every genre is that small. */
const ENOUGH = 2;

export interface GenreRail {
  genre: string;
  titles: Title[];
}

/** Rows by genre, the fullest first; a row that would show the same titles as one before it is left out. */
export function genreRails(titles: readonly Title[]): GenreRail[] {
  const byGenre = new Map<string, Title[]>();
  for (const title of titles) {
    for (const genre of title.genres) byGenre.set(genre, [...(byGenre.get(genre) ?? []), title]);
  }
  const all = [...byGenre].map(([genre, of]) => ({ genre, titles: of }));
  const full = all.filter((rail) => rail.titles.length >= ENOUGH);
  const sorted = (full.length > 0 ? full : all).sort(
    (a, b) => b.titles.length - a.titles.length || a.genre.localeCompare(b.genre),
  );
  const seen = new Set([titles.map((title) => title.title_id).join()]);
  return sorted.filter((rail) => {
    const same = rail.titles.map((title) => title.title_id).join();
    return !seen.has(same) && Boolean(seen.add(same));
  });
}
