// What the billing system keeps. Amounts are in the currency's minor unit, instants are seconds since 1970.

export interface Price {
  id: string;
  active: boolean;
  name: Record<string, string>;
  description?: Record<string, string>;
  amount: number;
  currency: string;
  /** Charged each month; once without it. */
  interval?: "month";
  /** The merchant's own words on it. */
  metadata: Record<string, string>;
}

export interface Subscription {
  object: "subscription";
  id: string;
  /** The merchant's name for the customer. */
  customer: string;
  price: Price;
  status: "active" | "ended";
  cancel_at_period_end: boolean;
  created: number;
  current_period_start: number;
  current_period_end: number;
  ended_at: number | null;
  payment_token: string;
  /** Counts up with every change. */
  version: number;
}

export interface Order {
  object: "order";
  id: string;
  customer: string;
  price: Price;
  status: "paid" | "refunded";
  created: number;
  metadata: Record<string, string>;
  version: number;
}

/** What was charged, in one sum. */
export interface Invoice {
  amount: number;
  currency: string;
}

/** What a subscription's next change makes of it. */
export function changed(subscription: Subscription, change: Partial<Subscription>): Subscription {
  return { ...subscription, ...change, version: subscription.version + 1 };
}

/** The same day of the next month, or its last one. */
export function monthAfter(seconds: number): number {
  const from = new Date(seconds * 1000);
  const days = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 2, 0)).getUTCDate();
  const to = new Date(from);
  to.setUTCMonth(from.getUTCMonth() + 1, Math.min(from.getUTCDate(), days));
  return Math.floor(to.getTime() / 1000);
}

/** What a change of price costs for what is left of the period; a cheaper one costs nothing and gives nothing back. */
export function proration(subscription: Subscription, price: Price, now: number): number {
  const { current_period_start: start, current_period_end: end } = subscription;
  const left = Math.max(0, end - now) / Math.max(1, end - start);
  return Math.max(0, Math.round((price.amount - subscription.price.amount) * Math.min(1, left)));
}
