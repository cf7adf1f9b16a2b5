// Buying, from a request to a known outcome: on disk before the billing system is asked, asked again under the same key until
// it has said how it ended, and one purchase of one thing at a time.
import { createHash, randomUUID } from "node:crypto";
import { Away, Refused } from "../shared/ask.ts";
import { type Fields, identifier, optionalText } from "../shared/fields.ts";
import type { Biller, Charged, Subscription } from "./biller.ts";
import type { Book, Checkout, Outcome } from "./book.ts";
import { type Offer, offerOf, planOf, runs, thingOf, titleFor } from "./contract.ts";
import { invalid, Problem } from "./problem.ts";

const REFUSALS: Record<string, { status: number; code: string }> = {
  card_declined: { status: 402, code: "card_declined" },
  payment_token_unknown: { status: 400, code: "payment_token_invalid" },
  already_subscribed: { status: 409, code: "already_owned" },
};

const nowSeconds = () => Date.now() / 1000;

/** A checkout as the contract shows it. Throws what it was refused with. */
export function checkoutShown({ id, offerId, titleId, amount, createdAt, outcome }: Checkout, refusals: boolean) {
  if (refusals && outcome?.state === "refused") throw new Problem(outcome.status, outcome.code, outcome.detail);
  const ended =
    outcome?.state === "succeeded"
      ? { state: "succeeded", ...(outcome.subscriptionId && { subscription_id: outcome.subscriptionId }) }
      : outcome
        ? { state: "declined", decline_message: outcome.detail }
        : { state: "pending" };
  return {
    checkout_id: id,
    offer_id: offerId,
    ...(titleId && { title_id: titleId }),
    amount: outcome?.state === "succeeded" ? outcome.amount : amount,
    created_at: createdAt,
    ...ended,
  };
}

export interface Buyer {
  account: string;
  idempotencyKey: string | undefined;
}

/** The till of one tenant. */
export class Till {
  readonly #book: Book;
  readonly #tenant: string;
  readonly #biller: Biller;
  /** Things that an account is buying now, so that nobody pays twice for one. */
  readonly #buying = new Set<string>();
  /** Checkouts that are at the billing system. */
  readonly #asked = new Map<string, Promise<void>>();
  /** Keys of requests that have not begun a checkout yet. */
  readonly #beginning = new Set<string>();

  constructor(book: Book, tenant: string, biller: Biller) {
    this.#book = book;
    this.#tenant = tenant;
    this.#biller = biller;
    for (const checkout of this.#pending()) this.#buying.add(this.#lock(checkout));
  }

  #pending(): Checkout[] {
    return this.#book.pending().filter(({ tenant }) => tenant === this.#tenant);
  }

  #lock({ account, thing }: { account: string; thing: string }): string {
    return JSON.stringify([account, thing]);
  }

  /** Asks again after every checkout whose outcome is not known. */
  settle(): void {
    for (const checkout of this.#pending()) {
      this.#ask(checkout).catch((error: unknown) => {
        if (!(error instanceof Problem)) console.error(error);
      });
    }
  }

  async buy({ account, idempotencyKey: key }: Buyer, body: Fields): Promise<Checkout> {
    if (!key) throw new Problem(400, "idempotency_key_required", "a checkout is named by its Idempotency-Key");
    const offerId = identifier(body, "offer_id");
    const named = body["title_id"] === undefined ? undefined : optionalText({ title_id: body["title_id"] }, "title_id");
    const token = body["payment_token"];
    if (typeof token !== "string") throw invalid("payment_token", "payment_token is a text");
    if (!/^[!-~]{1,200}$/.test(token)) throw new Problem(400, "payment_token_invalid", "this is no payment token");
    const request = createHash("sha256").update(JSON.stringify([offerId, named, token])).digest("hex");
    const before = this.#book.begun(this.#tenant, account, key);
    if (before) return await this.#repeated(before, request);
    const beginning = JSON.stringify([account, key]);
    if (this.#beginning.has(beginning)) throw new Problem(409, "in_progress", "the same request is still running");
    this.#beginning.add(beginning);
    try {
      const offer = await this.#offer(offerId);
      const titleId = titleFor(offer, named);
      const checkout = { account, key, request, offerId, titleId, token, thing: thingOf(offer, titleId) };
      return await this.#begin(checkout, offer);
    } finally {
      this.#beginning.delete(beginning);
    }
  }

  async #repeated(before: Checkout, request: string): Promise<Checkout> {
    if (before.request !== request) {
      throw new Problem(409, "idempotency_conflict", "the key was another request's: use a new one");
    }
    await this.#asked.get(before.id);
    return before;
  }

  async #offer(id: string): Promise<Offer> {
    const price = (await this.#biller.prices()).find((each) => each.id === id && each.active);
    const offer = price && offerOf(price);
    if (!offer) throw new Problem(404, "offer_not_found", `there is no offer ${id} for sale`);
    return offer;
  }

  async #begin(
    wanted: Pick<Checkout, "account" | "key" | "request" | "offerId" | "titleId" | "token" | "thing">,
    offer: Offer,
  ): Promise<Checkout> {
    const lock = this.#lock(wanted);
    if (this.#buying.has(lock)) {
      throw new Problem(409, "charge_pending", "a payment for this is under way: wait until it has ended");
    }
    this.#buying.add(lock);
    let checkout: Checkout;
    try {
      const changes = await this.#changes(wanted.account, wanted.thing);
      const [id, createdAt] = [`chk_${randomUUID().replaceAll("-", "")}`, new Date().toISOString()];
      checkout = { ...wanted, id, tenant: this.#tenant, changes, amount: offer.price, createdAt };
      this.#book.write({ kind: "checkout", checkout });
    } catch (error) {
      this.#buying.delete(lock);
      throw error;
    }
    await this.#ask(checkout);
    return checkout;
  }

  /** The subscription that goes over to another plan, if this is one's. Throws where the account has the thing. */
  async #changes(account: string, thing: string): Promise<string | undefined> {
    const sold = await this.#biller.sold(account);
    this.#book.write(...sold.flatMap((it) => this.#book.sight(this.#tenant, it)));
    const running = sold.filter((it) => runs(it, nowSeconds()));
    const subscriptions = running.filter((it): it is Subscription => it.kind === "subscription");
    const has = thing.startsWith("plan:")
      ? subscriptions.some((it) => `plan:${planOf(it)}` === thing)
      : running.some((it) => it.kind === "order" && `title:${it.titleId}` === thing);
    if (has) throw new Problem(409, "already_owned", "you have this already");
    return thing.startsWith("plan:") ? subscriptions.find(({ canceled }) => !canceled)?.id : undefined;
  }

  /** Has the billing system charge, once for this checkout however often it is asked. */
  async #ask(checkout: Checkout): Promise<void> {
    const running = this.#asked.get(checkout.id);
    if (running) return running;
    const asked = this.#charge(checkout).finally(() => this.#asked.delete(checkout.id));
    this.#asked.set(checkout.id, asked);
    return asked;
  }

  async #charge(checkout: Checkout): Promise<void> {
    let charged: Charged;
    try {
      charged = await this.#charged(checkout);
    } catch (error) {
      if (error instanceof Refused) return this.#refused(checkout, error);
      if (!(error instanceof Away)) throw error;
      console.error(`${this.#tenant}: how ${checkout.id} ended is not known yet: ${error.message}`);
      return;
    }
    const { sold, amount: amount_minor, currency } = charged;
    const subscriptionId = sold.kind === "subscription" ? sold.id : undefined;
    const outcome: Outcome = { state: "succeeded", subscriptionId, amount: { amount_minor, currency } };
    this.#book.write({ kind: "outcome", checkout: checkout.id, outcome }, ...this.#book.sight(this.#tenant, sold));
    this.#buying.delete(this.#lock(checkout));
  }

  #charged({ id, account, offerId, titleId, token, changes }: Checkout): Promise<Charged> {
    if (titleId !== undefined) return this.#biller.order(account, offerId, token, titleId, id);
    if (changes !== undefined) return this.#biller.changePrice(changes, offerId, token, id);
    return this.#biller.subscribe(account, offerId, token, id);
  }

  #refused(checkout: Checkout, refusal: Refused): void {
    this.#buying.delete(this.#lock(checkout));
    const known = REFUSALS[refusal.code];
    if (known) {
      const outcome: Outcome = { state: "refused", ...known, detail: refusal.message };
      this.#book.write({ kind: "outcome", checkout: checkout.id, outcome });
      return;
    }
    // Not the buyer's doing: nothing was charged, and nothing stands in the way of another try.
    this.#book.write({ kind: "dropped", checkout: checkout.id });
    console.error(`${this.#tenant}: the billing system refused a checkout with ${refusal.code}: ${refusal.message}`);
    throw new Problem(503, "unavailable", "The payment could not be taken, and no money moved. Please try again.");
  }
}
