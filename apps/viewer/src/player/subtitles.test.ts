import { describe, expect, it } from "vitest";
import { closest, first, shown, type TextTrack } from "./subtitles.ts";

const track = (id: number, tag: string, of: Partial<TextTrack> = {}): TextTrack => ({
  id,
  tag,
  captions: false,
  forced: false,
  ...of,
});
const film = [
  track(1, "de", { forced: true }),
  track(2, "de"),
  track(3, "de", { captions: true }),
  track(4, "pt-PT"),
  track(5, "pt-BR"),
  track(6, "en", { forced: true }),
];
const wish = (tag: string, captions = false, on = true) => ({ on, tag, captions });

describe("subtitles", () => {
  it("are the wished ones, or come close in the same language", () => {
    expect(closest(film, wish("de"))?.id).toBe(2);
    expect(closest(film, wish("de", true))?.id).toBe(3);
    expect(closest(film, wish("pt-BR", true))?.id).toBe(5);
    expect(closest(film, wish("pt"))?.id).toBe(4);
    expect(closest(film, wish("en"))).toBeUndefined();
  });

  it("are those that have to be read when none are wished", () => {
    expect(shown(film, undefined, "de")?.id).toBe(1);
    expect(shown(film, wish("pt-BR", false, false), "en")?.id).toBe(6);
    expect(shown(film, wish("fr"), "en")?.id).toBe(6);
    expect(shown(film, wish("pt-BR"), "en")?.id).toBe(5);
    expect(shown(film, undefined, "fr")).toBeUndefined();
  });

  it("begin as last time, else in the reader's language, else with the first", () => {
    expect(first(film, wish("de", true, false), ["pt"])?.id).toBe(3);
    expect(first(film, undefined, ["en-GB", "pt-BR"])?.id).toBe(5);
    expect(first(film, undefined, ["en"])?.id).toBe(2);
    expect(first([track(1, "de", { forced: true })], undefined, ["de"])).toBeUndefined();
  });
});
