import { describe, expect, it } from "vitest";
import { clock, label, languageName, length, localized, money, rentalLength, spokenClock } from "./format.ts";

describe("format", () => {
  it.each([
    [799, "EUR", "€7.99"],
    [500, "JPY", "¥500"],
    [1234, "KWD", "KWD 1.234"],
  ])("prints %i minor units of %s as %s", (amount_minor, currency, text) => {
    expect(money({ amount_minor, currency }).replace(/\s/g, " ")).toBe(text);
  });

  it.each([
    [40, "40s"],
    [60, "1m"],
    [3600, "1h"],
    [6120, "1h 42m"],
    [7199, "2h"],
  ])("prints a length of %i seconds as %s", (seconds, text) => expect(length(seconds)).toBe(text));

  it.each([
    [5, "0:05"],
    [65.9, "1:05"],
    [3723, "1:02:03"],
    [Number.NaN, "0:00"],
    [-1, "0:00"],
  ])("prints position %d as %s", (seconds, text) => expect(clock(seconds)).toBe(text));

  it("says positions in words", () => {
    expect(spokenClock(0)).toBe("0 seconds");
    expect(spokenClock(3661)).toBe("1 hour 1 minute 1 second");
  });

  it("counts rentals in hours, and long ones in days", () => {
    expect([48, 72, 168].map(rentalLength)).toEqual(["48 hours", "72 hours", "7 days"]);
  });

  it("picks the reader's language, then the service's, then any", () => {
    const name = { en: "Basic", "pt-BR": "Básico" };
    expect(localized(name, ["pt-PT", "en"])).toBe("Básico");
    expect(localized(name, ["fr", "en"])).toBe("Basic");
    expect(localized(name, ["fr"])).toBe("Basic");
    expect(localized({}, ["fr"])).toBe("");
  });

  it("names genres", () => expect(label("science-fiction")).toBe("Science Fiction"));

  it.each([
    ["de", "Deutsch"],
    ["fr", "français"],
    ["", undefined],
    ["no tag", "no tag"],
  ])("names the language %s as itself: %s", (tag, name) => expect(languageName(tag)).toBe(name));
});
