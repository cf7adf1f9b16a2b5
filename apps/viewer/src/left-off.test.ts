import { describe, expect, it } from "vitest";
import { withLeftOff } from "./left-off.ts";

const entry = (title_id: string, position_seconds: number) => ({
  title_id,
  position_seconds,
  version: 1,
  watched_at: "2026-01-01T00:00:00Z",
});
const now = 1_000_000;

describe("where the viewer left off", () => {
  it("is what this page saw last, before the service's list has it", () => {
    const list = withLeftOff(
      [entry("a", 10), entry("b", 20)],
      [
        { titleId: "b", seconds: 33, at: now - 5_000 },
        { titleId: "c", seconds: 7, at: now - 1_000 },
      ],
      now,
    );
    expect(list.map(({ title_id, position_seconds }) => [title_id, position_seconds])).toEqual([
      ["c", 7],
      ["b", 33],
      ["a", 10],
    ]);
  });

  it("is the service's once that has had time to follow: another device may have gone on", () => {
    const list = withLeftOff([entry("a", 10)], [{ titleId: "a", seconds: 99, at: now - 61_000 }], now);
    expect(list).toEqual([entry("a", 10)]);
  });
});
