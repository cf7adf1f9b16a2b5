import { describe, expect, it } from "vitest";
import { type Config, notice, sells } from "./config.ts";

const config = (flags?: Record<string, unknown>): Config => ({
  tenant: "demo",
  name: "Demo",
  issuer: "https://demo.example",
  client_id: "app",
  default_locale: "en",
  ...(flags && { flags }),
});

describe("flags", () => {
  it("say nothing and close nothing until the operator does", () => {
    expect([notice(config()), sells(config())]).toEqual(["", true]);
    expect([notice(config({})), sells(config({}))]).toEqual(["", true]);
  });

  it("are what the operator says", () => {
    expect(notice(config({ "app.notice": " Back at 3 o'clock. " }))).toBe("Back at 3 o'clock.");
    expect(sells(config({ "app.checkout": false }))).toBe(false);
  });

  it("of another type are none", () => {
    expect([notice(config({ "app.notice": true })), sells(config({ "app.checkout": "no" }))]).toEqual(["", true]);
  });
});
