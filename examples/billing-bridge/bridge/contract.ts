// What the billing system sells, in the words of Tessera's billing contract: pure functions.
import { invalid } from "./problem.ts";
import type { Order, Price, Sold, Subscription } from "./biller.ts";

export const instant = (seconds: number) => new Date(seconds * 1000).toISOString();

type Terms = { kind: "subscription"; plan: string } | { kind: "rental"; title_id?: string; hours: number };

export interface Offer {
  offer_id: string;
  name: Record<string, string>;
  description: Record<string, string>;
  terms: Terms;
  price: Money;
  max_streams: number;
  archived: boolean;
  version: number;
}

export interface Money {
  amount_minor: number;
  currency: string;
}

const positive = (text: string | undefined) => (text && /^[1-9][0-9]{0,3}$/.test(text) ? Number(text) : undefined);

function termsOf({ monthly, metadata }: Price): Terms | undefined {
  const { plan, title_id, rental_hours } = metadata;
  if (monthly) return plan ? { kind: "subscription", plan } : undefined;
  const hours = positive(rental_hours);
  return hours === undefined ? undefined : { kind: "rental", ...(title_id && { title_id }), hours };
}

/** A price as an offer; none where the operator has not written beside it what it opens. */
export function offerOf(price: Price): Offer | undefined {
  const [terms, max_streams] = [termsOf(price), positive(price.metadata["max_streams"])];
  if (!terms || max_streams === undefined) return undefined;
  return {
    offer_id: price.id,
    name: price.name,
    description: price.description,
    terms,
    price: { amount_minor: price.amount, currency: price.currency },
    max_streams,
    archived: !price.active,
    version: 1,
  };
}

/** The title that a buyer gets, or `undefined` for a plan. Throws where the offer is of another. */
export function titleFor({ terms }: Offer, named: string | undefined): string | undefined {
  if (terms.kind === "subscription") {
    if (named !== undefined) throw invalid("title_id", "a subscription is not for one title: leave title_id out");
    return undefined;
  }
  if (terms.title_id !== undefined && named !== undefined && named !== terms.title_id) {
    throw invalid("title_id", `this offer is for title ${terms.title_id} alone`);
  }
  const title = terms.title_id ?? named;
  if (title === undefined) throw invalid("title_id", "this offer is for any title: say which in title_id");
  return title;
}

/** What an account has once, whichever offer it came from. */
export function thingOf(offer: Offer, title: string | undefined): string {
  return offer.terms.kind === "subscription" ? `plan:${offer.terms.plan}` : `title:${title}`;
}

export const planOf = (subscription: Subscription) => subscription.price.metadata["plan"] ?? "";
const streamsOf = ({ price }: Sold) => positive(price.metadata["max_streams"]) ?? 1;
const moneyOf = ({ price }: Sold): Money => ({ amount_minor: price.amount, currency: price.currency });
export const titleOf = (order: Order) => order.titleId ?? order.price.metadata["title_id"] ?? "";
export const orderEnds = (order: Order) => order.created + 3600 * (positive(order.price.metadata["rental_hours"]) ?? 0);

/** Whether it opens something at `now`. */
export function runs(sold: Sold, now: number): boolean {
  if (sold.kind === "order") return !sold.refunded && orderEnds(sold) > now;
  return !sold.ended && (!sold.canceled || sold.periodEnd > now);
}

export function subscriptionShown(of: Subscription) {
  return {
    subscription_id: of.id,
    account_id: of.account,
    offer_id: of.price.id,
    plan: planOf(of),
    price: moneyOf(of),
    max_streams: streamsOf(of),
    state: of.ended || of.canceled ? "canceled" : "active",
    period_starts_at: instant(of.periodStart),
    period_ends_at: instant(of.periodEnd),
    version: of.version,
  };
}

export function purchaseShown(of: Order) {
  return {
    checkout_id: of.checkoutId ?? of.id,
    account_id: of.account,
    title_id: titleOf(of),
    price: moneyOf(of),
    max_streams: streamsOf(of),
    starts_at: instant(of.created),
    ends_at: instant(orderEnds(of)),
    version: of.version,
  };
}

/** For how many seconds a plan stays open when its period has ended and nobody has said how it goes on. */
const GRACE = 3600;

/** What entitlement is told of it. */
export type Statement =
  | { do: "revoke"; version: number }
  | {
      do: "put";
      account_id: string;
      scope: { kind: "plan"; plan: string } | { kind: "title"; title_id: string };
      starts_at: string;
      ends_at: string;
      max_streams: number;
      version: number;
    };

export function statementOf(sold: Sold): Statement {
  const { version, account: account_id } = sold;
  const common = { do: "put" as const, account_id, starts_at: instant(sold.created), max_streams: streamsOf(sold), version };
  if (sold.kind === "order") {
    if (sold.refunded) return { do: "revoke", version };
    return { ...common, scope: { kind: "title", title_id: titleOf(sold) }, ends_at: instant(orderEnds(sold)) };
  }
  // Ended before what was paid for ran out: taken away, not run out.
  if (sold.ended && (sold.endedAt ?? 0) < sold.periodEnd) return { do: "revoke", version };
  const ends = sold.periodEnd + (sold.canceled ? 0 : GRACE);
  return { ...common, scope: { kind: "plan", plan: planOf(sold) }, ends_at: instant(ends) };
}
