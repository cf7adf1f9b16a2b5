// The bridge's own file: checkouts, the last that is known of everything sold, and how much of it entitlement has heard.
// What is known and not heard is the outbox: it is told until it is heard, whatever happens in between.
import { randomUUID } from "node:crypto";
import { Journal } from "../shared/journal.ts";
import type { Sold } from "./biller.ts";
import { type Money, purchaseShown, subscriptionShown } from "./contract.ts";

export type Outcome =
  | { state: "succeeded"; subscriptionId?: string | undefined; amount: Money }
  | { state: "refused"; status: number; code: string; detail: string };

/** A purchase on its way. It is on disk before the billing system is asked to charge. */
export interface Checkout {
  id: string;
  tenant: string;
  account: string;
  /** The caller's key, and what it was sent with. */
  key: string;
  request: string;
  offerId: string;
  titleId: string | undefined;
  thing: string;
  token: string;
  /** The subscription that goes over to another plan; without it another one begins. */
  changes: string | undefined;
  amount: Money;
  createdAt: string;
  outcome?: Outcome;
}

/** An event of the contract: a CloudEvent without its position. */
export interface Told {
  tenant: string;
  time: string;
  id: string;
  sold: Sold;
}

export type Change =
  | { kind: "checkout"; checkout: Checkout }
  | { kind: "outcome"; checkout: string; outcome: Outcome }
  | { kind: "dropped"; checkout: string }
  | { kind: "seen"; tenant: string; sold: Sold; time: string; id: string }
  | { kind: "heard"; tenant: string; sold: string; version: number };

/** What is to be told. */
export interface Due {
  tenant: string;
  sold: Sold;
}

const named = (tenant: string, id: string) => `${tenant}/${id}`;

export class Book {
  readonly #journal: Journal<Change>;
  readonly #checkouts = new Map<string, Checkout>();
  readonly #byKey = new Map<string, Checkout>();
  readonly #pending = new Map<string, Checkout>();
  readonly #seen = new Map<string, Due>();
  readonly #due = new Map<string, Due>();
  readonly #told: Told[] = [];
  #woken: () => void = () => undefined;

  constructor(path: string) {
    this.#journal = new Journal<Change>(path, (change) => this.#apply(change));
  }

  /** Called whenever there is more to tell. */
  whenDue(woken: () => void): void {
    this.#woken = woken;
  }

  write(...changes: Change[]): void {
    if (changes.length === 0) return;
    this.#journal.write(...changes);
    if (changes.some(({ kind }) => kind === "seen")) this.#woken();
  }

  /** What makes a sight of it a change: nothing where as much is known. */
  sight(tenant: string, sold: Sold): Change[] {
    const known = this.#seen.get(named(tenant, sold.id));
    if (known && known.sold.version >= sold.version) return [];
    return [{ kind: "seen", tenant, sold, time: new Date().toISOString(), id: `evt_${randomUUID()}` }];
  }

  checkout(tenant: string, id: string): Checkout | undefined {
    const found = this.#checkouts.get(id);
    return found?.tenant === tenant ? found : undefined;
  }

  /** The checkout that a caller began with a key. */
  begun(tenant: string, account: string, key: string): Checkout | undefined {
    return this.#byKey.get(JSON.stringify([tenant, account, key]));
  }

  /** Checkouts of which it is not known how they ended. */
  pending(): Checkout[] {
    return [...this.#pending.values()];
  }

  known(tenant: string, id: string): Sold | undefined {
    return this.#seen.get(named(tenant, id))?.sold;
  }

  allKnown(tenant: string): Sold[] {
    return [...this.#seen.values()].filter((each) => each.tenant === tenant).map(({ sold }) => sold);
  }

  due(tenant: string): Due[] {
    return [...this.#due.values()].filter((each) => each.tenant === tenant);
  }

  /** Entitlement has not heard it after all. */
  again(tenant: string, id: string): void {
    const known = this.#seen.get(named(tenant, id));
    if (known) this.#due.set(named(tenant, id), known);
    this.#woken();
  }

  /** What the contract's events are made of, after a position. */
  told(after: number, limit: number): { events: [number, Told][]; more: boolean } {
    const events = this.#told.slice(after, after + limit).map((told, index): [number, Told] => [after + index + 1, told]);
    return { events, more: this.#told.length > after + limit };
  }

  #apply(change: Change): void {
    switch (change.kind) {
      case "checkout": {
        const { checkout } = change;
        this.#checkouts.set(checkout.id, checkout);
        this.#byKey.set(JSON.stringify([checkout.tenant, checkout.account, checkout.key]), checkout);
        this.#pending.set(checkout.id, checkout);
        break;
      }
      case "outcome": {
        const checkout = this.#pending.get(change.checkout);
        if (checkout) checkout.outcome = change.outcome;
        this.#pending.delete(change.checkout);
        break;
      }
      case "dropped": {
        const checkout = this.#pending.get(change.checkout);
        if (checkout) this.#byKey.delete(JSON.stringify([checkout.tenant, checkout.account, checkout.key]));
        this.#checkouts.delete(change.checkout);
        this.#pending.delete(change.checkout);
        break;
      }
      case "seen": {
        const { tenant, sold, time, id } = change;
        this.#seen.set(named(tenant, sold.id), { tenant, sold });
        this.#due.set(named(tenant, sold.id), { tenant, sold });
        this.#told.push({ tenant, sold, time, id });
        break;
      }
      case "heard": {
        const waits = this.#due.get(named(change.tenant, change.sold));
        if (waits && waits.sold.version <= change.version) this.#due.delete(named(change.tenant, change.sold));
        break;
      }
    }
  }
}

/** An event of the billing contract (CloudEvents 1.0), with its position in the bridge's log. */
export function eventOf(position: number, { tenant, time, id, sold }: Told) {
  const of =
    sold.kind === "subscription"
      ? { type: "tessera.billing.subscription.changed.v1", data: { subscription: subscriptionShown(sold) } }
      : { type: "tessera.billing.purchase.completed.v1", data: { purchase: purchaseShown(sold) } };
  const subject = sold.kind === "subscription" ? sold.id : (sold.checkoutId ?? sold.id);
  return {
    specversion: "1.0",
    id,
    source: "/tessera/billing",
    ...of,
    subject,
    time,
    tenant,
    subjectversion: sold.version,
    datacontenttype: "application/json",
    position: `0.${position}`,
  };
}
