// What a merchant can ask for. Each change, its message and its answer are one line of the file.
import { randomBytes } from "node:crypto";
import { Refused } from "../shared/ask.ts";
import { type Fields, flag, identifier, isObject, object, text, whole } from "../shared/fields.ts";
import type { Answer } from "../shared/server.ts";
import { tokenOf } from "./cards.ts";
import { changed, type Invoice, monthAfter, type Order, type Price, proration, type Subscription } from "./objects.ts";
import type { Books, Change } from "./store.ts";

/** One merchant, while one request is carried out. */
export interface Desk {
  merchant: string;
  prices: readonly Price[];
  books: Books;
  /** The merchant's time, in seconds. */
  now: number;
}

type Done = { answer: Answer; changes: Change[] };
const id = (kind: string) => `${kind}_${randomBytes(12).toString("hex")}`;

/** An object as it is, and the message that says so, where messages are wanted. */
function recorded({ merchant, books }: Desk, it: Subscription | Order, what: string): Change[] {
  const change: Change =
    it.object === "order" ? { merchant, kind: "order", order: it } : { merchant, kind: "subscription", subscription: it };
  if (!books.webhooks) return [change];
  const body = JSON.stringify({ type: `${it.object}.${what}`, timestamp: new Date().toISOString(), data: it });
  return [change, { merchant, kind: "message", message: { id: id("msg"), body } }];
}

function priceOf({ prices }: Desk, body: Fields): Price {
  const wanted = text(body, "price");
  const price = prices.find((each) => each.id === wanted && each.active);
  if (!price) throw new Refused(404, "price_not_found", `there is no price ${wanted} for sale`);
  return price;
}

function charge({ books }: Desk, token: string, amount: number, currency: string): Invoice {
  const behaviour = books.cards.get(token);
  if (!behaviour) throw new Refused(400, "payment_token_unknown", "the payment token is not known");
  if (behaviour === "declines") throw new Refused(402, "card_declined", "Your card was declined. Use another card.");
  return { amount, currency };
}

function running(books: Books, wanted: string): Subscription {
  const subscription = books.subscriptions.get(wanted);
  if (!subscription) throw new Refused(404, "subscription_not_found", `there is no subscription ${wanted}`);
  if (subscription.status === "ended") throw new Refused(409, "subscription_ended", "the subscription has ended");
  return subscription;
}

export function createToken(desk: Desk, body: Fields): Done {
  const { behaviour, ...token } = tokenOf(body, new Date(desk.now * 1000));
  const changes: Change[] = [{ merchant: desk.merchant, kind: "card", token: token.id, behaviour }];
  return { answer: { status: 201, body: token }, changes };
}

export function subscribe(desk: Desk, body: Fields): Done {
  const [customer, price, token] = [identifier(body, "customer"), priceOf(desk, body), text(body, "payment_token")];
  if (price.interval !== "month") throw new Refused(400, "price_not_recurring", `${price.id} is paid once: order it`);
  const same = (each: Subscription) =>
    each.customer === customer && each.status === "active" && each.price.id === price.id;
  if ([...desk.books.subscriptions.values()].some(same)) {
    throw new Refused(409, "already_subscribed", "the customer has this subscription");
  }
  const invoice = charge(desk, token, price.amount, price.currency);
  const subscription: Subscription = {
    object: "subscription",
    id: id("sub"),
    customer,
    price,
    status: "active",
    cancel_at_period_end: false,
    created: desk.now,
    current_period_start: desk.now,
    current_period_end: monthAfter(desk.now),
    ended_at: null,
    payment_token: token,
    version: 1,
  };
  const answer = { status: 201, body: { subscription, invoice } };
  return { answer, changes: recorded(desk, subscription, "created") };
}

/** Goes over to another price at once; the period stays. */
export function changePrice(desk: Desk, body: Fields, of: string): Done {
  const [before, price] = [running(desk.books, of), priceOf(desk, body)];
  if (price.interval !== "month") throw new Refused(400, "price_not_recurring", `${price.id} is paid once`);
  const token = body["payment_token"] === undefined ? before.payment_token : text(body, "payment_token");
  const invoice = charge(desk, token, proration(before, price, desk.now), price.currency);
  const subscription = changed(before, { price, payment_token: token, cancel_at_period_end: false });
  return { answer: { status: 200, body: { subscription, invoice } }, changes: recorded(desk, subscription, "updated") };
}

/** Stops renewing, or ends at once. */
export function cancel(desk: Desk, body: Fields, of: string): Done {
  const before = desk.books.subscriptions.get(of) ?? running(desk.books, of);
  const atOnce = !flag(body, "at_period_end");
  const done = before.status === "ended" || (before.cancel_at_period_end && !atOnce);
  if (done) return { answer: { status: 200, body: { subscription: before } }, changes: [] };
  const end = { cancel_at_period_end: true, ...(atOnce ? { status: "ended" as const, ended_at: desk.now } : {}) };
  const subscription = changed(before, end);
  return { answer: { status: 200, body: { subscription } }, changes: recorded(desk, subscription, "updated") };
}

export function order(desk: Desk, body: Fields): Done {
  const [customer, price, token] = [identifier(body, "customer"), priceOf(desk, body), text(body, "payment_token")];
  if (price.interval) throw new Refused(400, "price_recurring", `${price.id} is a subscription's`);
  const invoice = charge(desk, token, price.amount, price.currency);
  const given = isObject(body["metadata"]) ? object(body, "metadata") : {};
  const metadata = Object.fromEntries(Object.keys(given).map((name) => [name, text(given, name)]));
  const made: Order = {
    object: "order",
    id: id("ord"),
    customer,
    price,
    status: "paid",
    created: desk.now,
    metadata,
    version: 1,
  };
  return { answer: { status: 201, body: { order: made, invoice } }, changes: recorded(desk, made, "paid") };
}

export function refund(desk: Desk, _: Fields, of: string): Done {
  const before = desk.books.orders.get(of);
  if (!before) throw new Refused(404, "order_not_found", `there is no order ${of}`);
  if (before.status === "refunded") return { answer: { status: 200, body: { order: before } }, changes: [] };
  const refunded: Order = { ...before, status: "refunded", version: before.version + 1 };
  return { answer: { status: 200, body: { order: refunded } }, changes: recorded(desk, refunded, "refunded") };
}

/** What is due at the merchant's time: another period that is charged, or the end. */
export function due(desk: Desk): Change[] {
  const changes: Change[] = [];
  for (const before of desk.books.subscriptions.values()) {
    if (before.status === "ended" || before.current_period_end > desk.now) continue;
    const start = before.current_period_end;
    const next = before.cancel_at_period_end
      ? changed(before, { status: "ended", ended_at: start })
      : changed(before, { current_period_start: start, current_period_end: monthAfter(start) });
    changes.push(...recorded(desk, next, "updated"));
  }
  return changes;
}

/** Switches messages on and off; what happens while they are off is not told later. */
export function setWebhooks(desk: Desk, body: Fields): Done {
  const enabled = flag(body, "enabled");
  return { answer: { status: 200, body: { enabled } }, changes: [{ merchant: desk.merchant, kind: "webhooks", enabled }] };
}

/** Moves the merchant's test clock. */
export function advance(desk: Desk, body: Fields): Done {
  const ahead = desk.books.ahead + whole(body, "seconds", 1, 366 * 86_400);
  return { answer: { status: 200, body: { ahead } }, changes: [{ merchant: desk.merchant, kind: "clock", ahead }] };
}

/** Subscriptions or orders after a position, oldest first; of one customer where one is named. */
export function listed(all: Iterable<Subscription | Order>, query: URLSearchParams): Answer {
  const [customer, after] = [query.get("customer"), query.get("after")];
  const limit = Math.min(Math.max(Number(query.get("limit") ?? 100) || 100, 1), 100);
  const each = [...all];
  const start = after ? each.findIndex(({ id }) => id === after) + 1 : 0;
  const rest = each.slice(start).filter((it) => customer === null || it.customer === customer);
  return { status: 200, body: { data: rest.slice(0, limit), has_more: rest.length > limit } };
}

