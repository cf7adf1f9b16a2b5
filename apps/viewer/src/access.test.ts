import { describe, expect, it } from "vitest";
import { accessTo, offersFor } from "./access.ts";
import type { AccountState, Offer, Subscription, Title } from "./api/client.ts";

const now = new Date("2026-11-20T12:00:00Z");
const [past, future] = ["2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"];
const euro = (amount_minor: number) => ({ amount_minor, currency: "EUR" });

const title = (title_id: string, access: Title["access"]): Title => ({
  title_id,
  name: title_id,
  synopsis: "",
  locale: "en",
  genres: [],
  window: {},
  access,
  version: 1,
});

function account(state: Subscription["state"], period_ends_at: string, rentalEnds?: string): AccountState {
  const common = { account_id: "acc_1", price: euro(799), max_streams: 2, version: 1 };
  const sub: Subscription = {
    ...common,
    subscription_id: "sub_1",
    offer_id: "off_1",
    plan: "basic",
    state,
    period_starts_at: past,
    period_ends_at,
  };
  const purchases = rentalEnds
    ? [{ ...common, checkout_id: "chk_1", title_id: "t", starts_at: past, ends_at: rentalEnds }]
    : [];
  return { account_id: "acc_1", subscriptions: [sub], purchases };
}

describe("access", () => {
  const paid = title("t", { free: false, plans: ["basic"] });
  it.each([
    ["nobody", undefined, "none"],
    ["an active plan", account("active", future), "plan"],
    ["an active plan whose renewal is late", account("active", past), "plan"],
    ["a canceled plan in its last period", account("canceled", future), "plan"],
    ["a canceled plan that is over", account("canceled", past), "none"],
    ["an unpaid plan", account("incomplete", future), "none"],
    ["a rental", account("canceled", past, future), "rental"],
    ["a rental that ran out", account("canceled", past, past), "none"],
  ])("of %s", (_, has, kind) => expect(accessTo(paid, has, now).kind).toBe(kind));

  it("is free for what is free", () =>
    expect(accessTo(title("t", { free: true, plans: [] }), undefined, now)).toEqual({ kind: "free" }));

  it("offers the title's plans, then its rentals, the cheaper first, and nothing archived or unknown", () => {
    const offer = (offer_id: string, terms: Offer["terms"], price: number, archived = false): Offer => ({
      offer_id,
      name: {},
      description: {},
      terms,
      price: euro(price),
      max_streams: 1,
      archived,
      version: 1,
    });
    const plans = [
      offer("dear", { kind: "subscription", plan: "basic" }, 999),
      offer("cheap", { kind: "subscription", plan: "basic" }, 799),
      offer("old", { kind: "subscription", plan: "basic" }, 1, true),
      offer("other", { kind: "subscription", plan: "premium" }, 1),
    ];
    const rentals = [offer("rent", { kind: "rental", hours: 48 }, 399), offer("new", { kind: "unknown" }, 1)];
    expect(offersFor(paid, plans, rentals).map(({ offer_id }) => offer_id)).toEqual(["cheap", "dear", "rent"]);
  });
});
