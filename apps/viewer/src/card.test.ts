import { describe, expect, it } from "vitest";
import { expiryOf, luhn, problemsOf, slashed, spaced, tokenRequest } from "./card.ts";

const now = new Date("2026-11-20T12:00:00Z");
const good = { number: "4242 4242 4242 4242", expiry: "12 / 29", code: "123" };

describe("card", () => {
  it("knows the check digit", () => {
    expect(["4242424242424242", "4000000000000002", "378282246310005"].every(luhn)).toBe(true);
    expect(luhn("4242424242424241")).toBe(false);
  });

  it("formats while typing", () => {
    expect(spaced("42424242 4242")).toBe("4242 4242 4242");
    expect(["1", "12", "123", "1229", "9", "930"].map(slashed)).toEqual([
      "1",
      "12",
      "12 / 3",
      "12 / 29",
      "09",
      "09 / 30",
    ]);
  });

  it("reads expiry with two or four digits of the year", () => {
    expect(expiryOf("09 / 30")).toEqual({ month: 9, year: 2030 });
    expect(expiryOf("9/2030")).toEqual({ month: 9, year: 2030 });
    expect([expiryOf("13 / 30"), expiryOf("09"), expiryOf("")]).toEqual([undefined, undefined, undefined]);
  });

  it.each([
    [{}, {}],
    [{ number: "4242 4242 4242 4241" }, { number: "numberInvalid" }],
    [{ number: "" }, { number: "numberInvalid" }],
    [{ expiry: "10 / 26" }, { expiry: "expiryPast" }],
    [{ expiry: "11 / 26" }, {}],
    [{ expiry: "soon" }, { expiry: "expiryInvalid" }],
    [{ code: "12" }, { code: "codeInvalid" }],
  ])("finds in %o the problems %o", (change, problems) =>
    expect(problemsOf({ ...good, ...change }, now)).toEqual(problems),
  );

  it("sends the gateway plain digits and a full year", () => {
    expect(tokenRequest(good)).toEqual({
      card_number: "4242424242424242",
      expiry_month: 12,
      expiry_year: 2029,
      security_code: "123",
    });
  });
});
