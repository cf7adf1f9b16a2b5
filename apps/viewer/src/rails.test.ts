import { describe, expect, it } from "vitest";
import type { Title } from "./api/client.ts";
import { genreRails } from "./rails.ts";

describe("front page rows", () => {
  const of = (title_id: string, ...genres: string[]): Title => ({
    title_id,
    name: title_id,
    synopsis: "",
    locale: "en",
    genres,
    window: {},
    access: { free: true, plans: [] },
    version: 1,
  });
  const names = (titles: Title[]) => genreRails(titles).map(({ genre }) => genre);

  it("are the genres with enough titles, the fullest first", () => {
    expect(names([of("a", "drama", "war"), of("b", "drama", "war"), of("c", "drama", "noir"), of("d")])).toEqual([
      "drama",
      "war",
    ]);
  });
  it("show no row twice", () => {
    expect(names([of("a", "x", "y"), of("b", "x", "y"), of("c")])).toEqual(["x"]);
    expect(names([of("a", "x"), of("b", "x")])).toEqual([]);
  });
  it("take small genres when there are no others", () =>
    expect(names([of("a", "x"), of("b", "y")])).toEqual(["x", "y"]));
});
