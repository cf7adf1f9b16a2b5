import assert from "node:assert/strict";
import { test } from "node:test";
import { monthAfter, type Price, proration, type Subscription } from "./objects.ts";

const seconds = (text: string) => Date.parse(text) / 1000;
const price = (amount: number): Price => ({
  id: `price_${amount}`,
  active: true,
  name: { en: "A plan" },
  amount,
  currency: "EUR",
  interval: "month",
  metadata: {},
});

test("a month ends on its last day", () => {
  assert.equal(monthAfter(seconds("2026-01-31T10:00:00Z")), seconds("2026-02-28T10:00:00Z"));
  assert.equal(monthAfter(seconds("2026-12-15T10:00:00Z")), seconds("2027-01-15T10:00:00Z"));
});

test("a dearer plan costs the difference for what is left", () => {
  const subscription = { price: price(800), current_period_start: 1000, current_period_end: 2000 } as Subscription;
  assert.equal(proration(subscription, price(1200), 1500), 200);
  assert.equal(proration(subscription, price(1200), 1000), 400);
  assert.equal(proration(subscription, price(1200), 2500), 0);
  assert.equal(proration(subscription, price(400), 1500), 0);
});
