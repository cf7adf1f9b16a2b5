import { describe, expect, it } from "vitest";
import { accentProperties, contrast, parse } from "./colour.ts";

describe("a tenant's accent", () => {
  it.each(["#ff6b4a", "#ffffff", "#000000", "#0b2d8a", "#7a0", "#808080"])("%s stays readable", (hex) => {
    const properties = accentProperties(hex);
    const rgb = (name: string) =>
      (properties[name]?.match(/\d+/g) ?? []).map(Number) as unknown as readonly [number, number, number];
    expect(contrast(rgb("--accent"), rgb("--accent-ink"))).toBeGreaterThan(4.3);
    expect(contrast(rgb("--accent-text"), [10, 11, 16])).toBeGreaterThanOrEqual(6);
  });
  it("that is no colour changes nothing", () => {
    expect(["red; }", "", "#12345"].map(accentProperties)).toEqual([{}, {}, {}]);
    expect(parse("#abc")).toEqual([170, 187, 204]);
  });
});
