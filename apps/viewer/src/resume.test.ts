import { describe, expect, it } from "vitest";
import type { Progress, Title } from "./api/client.ts";
import { continueWatching, fraction, startAt } from "./resume.ts";

const title = (title_id: string, duration_seconds?: number): Title => ({
  title_id,
  name: title_id,
  synopsis: "",
  locale: "en",
  genres: [],
  window: {},
  access: { free: true, plans: [] },
  version: 1,
  ...(duration_seconds === undefined ? {} : { duration_seconds }),
});
const at = (title_id: string, position_seconds: number): Progress => ({
  title_id,
  position_seconds,
  version: 1,
  watched_at: "2026-01-01T00:00:00Z",
});

describe("resume", () => {
  it.each([
    ["the beginning", 3, 100, 0],
    ["the middle", 50, 100, 50],
    ["the credits", 96, 100, 0],
    ["past the end", 140, 100, 0],
    ["an unknown length", 50, undefined, 50],
    ["nonsense", Number.NaN, 100, 0],
  ])("begins after %s", (_, position, duration, from) => expect(startAt(position, duration)).toBe(from));

  it("stays between none and all", () => {
    expect([fraction(-5, 10), fraction(5, 10), fraction(50, 10), fraction(5, 0), fraction(5, null)]).toEqual([
      0, 0.5, 1, 0, 0,
    ]);
  });

  it("lists what was begun and not finished, latest first, and skips what has left", () => {
    const titles = [title("a", 100), title("b", 100), title("c", 100), title("d")];
    const list = continueWatching([at("d", 20), at("gone", 20), at("b", 99), at("c", 1), at("a", 25)], titles);
    expect(list.map(({ title, fraction }) => [title.title_id, fraction])).toEqual([
      ["d", 0],
      ["a", 0.25],
    ]);
  });
});
