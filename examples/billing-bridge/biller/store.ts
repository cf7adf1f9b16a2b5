// Everything the billing system knows, in one file: for each merchant its subscriptions, orders, cards and messages.
import type { Answer } from "../shared/server.ts";
import { Journal } from "../shared/journal.ts";
import type { Behaviour } from "./cards.ts";
import type { Order, Subscription } from "./objects.ts";

/** A message for the merchant's address. */
export interface Message {
  id: string;
  body: string;
}

/** What happened to a merchant. */
export type Change = { merchant: string } & (
  | { kind: "card"; token: string; behaviour: Behaviour }
  | { kind: "subscription"; subscription: Subscription }
  | { kind: "order"; order: Order }
  | { kind: "answered"; key: string; request: string; answer: Answer }
  | { kind: "message"; message: Message }
  | { kind: "arrived"; message: string }
  | { kind: "webhooks"; enabled: boolean }
  | { kind: "clock"; ahead: number }
);

/** A merchant's books. */
export class Books {
  readonly cards = new Map<string, Behaviour>();
  readonly subscriptions = new Map<string, Subscription>();
  readonly orders = new Map<string, Order>();
  readonly answers = new Map<string, { request: string; answer: Answer }>();
  readonly undelivered = new Map<string, Message>();
  delivered = 0;
  webhooks = true;
  /** Seconds that the merchant's test clock is ahead. */
  ahead = 0;
}

export class Store {
  readonly #books = new Map<string, Books>();
  readonly #journal: Journal<Change>;

  constructor(path: string) {
    this.#journal = new Journal<Change>(path, (change) => this.#apply(change));
  }

  of(merchant: string): Books {
    const books = this.#books.get(merchant) ?? new Books();
    this.#books.set(merchant, books);
    return books;
  }

  write(...changes: Change[]): void {
    this.#journal.write(...changes);
  }

  #apply(change: Change): void {
    const books = this.of(change.merchant);
    switch (change.kind) {
      case "card":
        books.cards.set(change.token, change.behaviour);
        break;
      case "subscription":
        books.subscriptions.set(change.subscription.id, change.subscription);
        break;
      case "order":
        books.orders.set(change.order.id, change.order);
        break;
      case "answered":
        books.answers.set(change.key, change);
        break;
      case "message":
        books.undelivered.set(change.message.id, change.message);
        break;
      case "arrived":
        if (books.undelivered.delete(change.message)) books.delivered += 1;
        break;
      case "webhooks":
        books.webhooks = change.enabled;
        break;
      case "clock":
        books.ahead = change.ahead;
        break;
    }
  }
}
