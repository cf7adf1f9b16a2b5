// The external billing system, as the bridge asks it: the only file that knows its API.
import { Away, ask } from "../shared/ask.ts";
import {
  type Fields,
  flag,
  identifier,
  isObject,
  list,
  object,
  optionalText,
  text,
  WrongField,
  whole,
} from "../shared/fields.ts";

export interface Price {
  id: string;
  active: boolean;
  name: Record<string, string>;
  description: Record<string, string>;
  amount: number;
  currency: string;
  monthly: boolean;
  /** What the operator wrote beside the price: `plan`, `max_streams`, `rental_hours`, `title_id`. */
  metadata: Record<string, string>;
}

/** A subscription, with instants in seconds since 1970. */
export interface Subscription {
  kind: "subscription";
  id: string;
  account: string;
  price: Price;
  ended: boolean;
  canceled: boolean;
  created: number;
  periodStart: number;
  periodEnd: number;
  endedAt: number | undefined;
  version: number;
}

/** A title sold for a time. */
export interface Order {
  kind: "order";
  id: string;
  account: string;
  price: Price;
  refunded: boolean;
  created: number;
  titleId: string | undefined;
  checkoutId: string | undefined;
  version: number;
}

export type Sold = Subscription | Order;

export interface Charged {
  sold: Sold;
  amount: number;
  currency: string;
}

const LARGEST = Number.MAX_SAFE_INTEGER;

function texts(of: Fields, field: string): Record<string, string> {
  const given = of[field] === undefined ? {} : object(of, field);
  return Object.fromEntries(Object.keys(given).map((name) => [name, text(given, name, 2000)]));
}

function priceIn(of: Fields): Price {
  return {
    id: identifier(of, "id"),
    active: flag(of, "active"),
    name: texts(of, "name"),
    description: texts(of, "description"),
    amount: whole(of, "amount", 0, LARGEST),
    currency: text(of, "currency", 3),
    monthly: optionalText(of, "interval") === "month",
    metadata: texts(of, "metadata"),
  };
}

/** A subscription or an order as the billing system writes it, whether in an answer or in a message. */
export function soldIn(of: Fields): Sold {
  const common = {
    id: identifier(of, "id"),
    account: identifier(of, "customer"),
    price: priceIn(object(of, "price")),
    created: whole(of, "created", 0, LARGEST),
    version: whole(of, "version", 0, LARGEST),
  };
  if (text(of, "object") === "order") {
    const metadata = texts(of, "metadata");
    const [titleId, checkoutId] = [metadata["title_id"], metadata["checkout_id"]];
    return { kind: "order", ...common, refunded: text(of, "status") === "refunded", titleId, checkoutId };
  }
  return {
    kind: "subscription",
    ...common,
    ended: text(of, "status") === "ended",
    canceled: flag(of, "cancel_at_period_end"),
    periodStart: whole(of, "current_period_start", 0, LARGEST),
    periodEnd: whole(of, "current_period_end", 0, LARGEST),
    endedAt: typeof of["ended_at"] === "number" ? whole(of, "ended_at", 0, LARGEST) : undefined,
  };
}

function charged(answer: Fields, kind: Sold["kind"]): Charged {
  const invoice = object(answer, "invoice");
  return {
    sold: soldIn(object(answer, kind)),
    amount: whole(invoice, "amount", 0, LARGEST),
    currency: text(invoice, "currency", 3),
  };
}

export interface BillerConfig {
  url: string;
  api_key: string;
  webhook_secret: string;
}

/** Throws {@link Refused} where it says no, and {@link Away} where nobody knows. */
export class Biller {
  readonly #config: BillerConfig;

  constructor(config: BillerConfig) {
    this.#config = config;
  }

  async #ask<T>(read: (answer: Fields) => T, method: string, path: string, body?: Fields, key?: string): Promise<T> {
    const { url, api_key } = this.#config;
    const asked = { method, url: url + path, key: api_key, ...(body && { body }), ...(key && { idempotencyKey: key }) };
    const answer = await ask(asked);
    try {
      return read(answer);
    } catch (cause) {
      if (!(cause instanceof WrongField)) throw cause;
      throw new Away(`the billing system answered ${method} ${path} with something else: ${cause.message}`, { cause });
    }
  }

  prices(): Promise<Price[]> {
    return this.#ask((answer) => list(answer, "data").filter(isObject).map(priceIn), "GET", "/v1/prices");
  }

  subscribe(account: string, price: string, token: string, checkout: string): Promise<Charged> {
    const body = { customer: account, price, payment_token: token };
    return this.#ask((answer) => charged(answer, "subscription"), "POST", "/v1/subscriptions", body, checkout);
  }

  changePrice(subscription: string, price: string, token: string, checkout: string): Promise<Charged> {
    const [path, body] = [`/v1/subscriptions/${subscription}`, { price, payment_token: token }];
    return this.#ask((answer) => charged(answer, "subscription"), "POST", path, body, checkout);
  }

  order(account: string, price: string, token: string, title: string, checkout: string): Promise<Charged> {
    const metadata = { title_id: title, checkout_id: checkout };
    const body = { customer: account, price, payment_token: token, metadata };
    return this.#ask((answer) => charged(answer, "order"), "POST", "/v1/orders", body, checkout);
  }

  cancelAtPeriodEnd(subscription: string): Promise<Sold> {
    const [path, body] = [`/v1/subscriptions/${subscription}/cancel`, { at_period_end: true }];
    return this.#ask((answer) => soldIn(object(answer, "subscription")), "POST", path, body);
  }

  /** The token that stands for a card from now on. */
  token(card: Fields): Promise<{ token: string; brand: string; last4: string }> {
    const read = (answer: Fields) => ({
      token: text(answer, "id"),
      brand: text(answer, "brand"),
      last4: text(answer, "last4"),
    });
    return this.#ask(read, "POST", "/v1/tokens", card);
  }

  /** All that was sold, or all that one account bought. */
  async sold(account?: string): Promise<Sold[]> {
    const all: Sold[] = [];
    for (const path of ["/v1/subscriptions", "/v1/orders"]) {
      const query = new URLSearchParams({ limit: "100", ...(account && { customer: account }) });
      for (let more = true; more; ) {
        const page = await this.#ask(
          (answer) => ({ found: list(answer, "data").filter(isObject).map(soldIn), more: flag(answer, "has_more") }),
          "GET",
          `${path}?${query}`,
        );
        all.push(...page.found);
        const last = page.found.at(-1);
        more = page.more && last !== undefined;
        if (last) query.set("after", last.id);
      }
    }
    return all;
  }
}
