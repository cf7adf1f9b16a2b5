import { describe, expect, it } from "vitest";
import { commandOf } from "./keys.ts";

describe("the player's keys", () => {
  const press = (key: string, on: Parameters<typeof commandOf>[0]["on"] = "nothing", modified = false) =>
    commandOf({ key, modified, on });
  it("do what they say", () => {
    expect(["k", " ", "f", "M", "c"].map((key) => press(key)?.do)).toEqual([
      "toggle",
      "toggle",
      "fullscreen",
      "mute",
      "captions",
    ]);
    expect(press("ArrowLeft")).toEqual({ do: "seek", by: -10 });
    expect(press("ArrowRight", "seek")).toEqual({ do: "seek", by: 10 });
  });
  it("leave a focused control its own", () => {
    expect([
      press(" ", "button"),
      press("ArrowUp", "volume"),
      press("ArrowDown", "choice"),
      press("f", "nothing", true),
    ]).toEqual([undefined, undefined, undefined, undefined]);
  });
});
