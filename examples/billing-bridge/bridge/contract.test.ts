import assert from "node:assert/strict";
import { test } from "node:test";
import type { Order, Price, Subscription } from "./biller.ts";
import { offerOf, runs, statementOf, titleFor } from "./contract.ts";

const price = (metadata: Record<string, string>, monthly = true): Price => ({
  id: "price_1",
  active: true,
  name: { en: "Basic" },
  description: {},
  amount: 799,
  currency: "EUR",
  monthly,
  metadata,
});
const subscription = (more: Partial<Subscription> = {}): Subscription => ({
  kind: "subscription",
  id: "sub_1",
  account: "acc_1",
  price: price({ plan: "basic", max_streams: "2" }),
  ended: false,
  canceled: false,
  created: 1000,
  periodStart: 1000,
  periodEnd: 5000,
  endedAt: undefined,
  version: 3,
  ...more,
});
const order: Order = {
  kind: "order",
  id: "ord_1",
  account: "acc_1",
  price: price({ rental_hours: "48", max_streams: "1" }, false),
  refunded: false,
  created: 1000,
  titleId: "ttl_1",
  checkoutId: "chk_1",
  version: 1,
};

test("a price is for sale once somebody wrote what it opens", () => {
  assert.equal(offerOf(price({})), undefined);
  assert.equal(offerOf(price({ plan: "basic" })), undefined, "how many streams?");
  assert.deepEqual(offerOf(price({ plan: "basic", max_streams: "2" }))?.terms, { kind: "subscription", plan: "basic" });
  const rental = offerOf(price({ rental_hours: "48", max_streams: "1" }, false));
  assert.deepEqual(rental?.terms, { kind: "rental", hours: 48 });
  assert.equal(rental && titleFor(rental, "ttl_2"), "ttl_2");
  assert.throws(() => rental && titleFor(rental, undefined), /say which/);
});

test("a grant lasts a grace longer than a period that will be renewed, and no longer than one that will not", () => {
  const ends = (more: Partial<Subscription>) => {
    const statement = statementOf(subscription(more));
    return statement.do === "put" ? Date.parse(statement.ends_at) / 1000 : statement.do;
  };
  assert.equal(ends({}), 5000 + 3600);
  assert.equal(ends({ canceled: true }), 5000);
  assert.equal(ends({ canceled: true, ended: true, endedAt: 5000 }), 5000);
  assert.equal(ends({ canceled: true, ended: true, endedAt: 3000 }), "revoke");
});

test("a rental is a grant for its hours, and none once it is refunded", () => {
  const statement = statementOf(order);
  assert.ok(statement.do === "put" && Date.parse(statement.ends_at) / 1000 === 1000 + 48 * 3600);
  assert.deepEqual(statementOf({ ...order, refunded: true, version: 2 }), { do: "revoke", version: 2 });
  assert.ok(runs(order, 2000) && !runs(order, 1000 + 48 * 3600) && !runs({ ...order, refunded: true }, 2000));
});
