// The contract's operations for one tenant, on the billing system that the operator has.
import { Refused } from "../shared/ask.ts";
import { type Fields, parsed, text, whole } from "../shared/fields.ts";
import type { Biller, Order, Subscription } from "./biller.ts";
import type { Book } from "./book.ts";
import { checkoutShown, Till } from "./checkout.ts";
import { type Context, viewer } from "./context.ts";
import { type Offer, offerOf, purchaseShown, runs, subscriptionShown } from "./contract.ts";
import { invalid, Problem } from "./problem.ts";

const PURCHASES = 100;
const PLANS = 20;

export interface Shop {
  tenant: string;
  book: Book;
  biller: Biller;
  till: Till;
}

function cursorOf(offer: Offer): string {
  return Buffer.from(`offer:${offer.offer_id}`).toString("base64url");
}

function after(cursor: string | null): string {
  if (cursor === null) return "";
  const plain = Buffer.from(cursor, "base64url").toString("utf8");
  if (!plain.startsWith("offer:") || Buffer.from(plain).toString("base64url") !== cursor) {
    throw invalid("cursor", "pass next_cursor of the page before, unchanged");
  }
  return plain.slice("offer:".length);
}

function limitOf(query: URLSearchParams): number {
  const limit = query.get("limit");
  if (limit === null) return 20;
  if (!/^[0-9]{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > 100) throw invalid("limit", "limit is 1 to 100");
  return Number(limit);
}

export async function listOffers({ biller }: Shop, query: URLSearchParams): Promise<Fields> {
  const [limit, start, title, plans] = [limitOf(query), after(query.get("cursor")), query.get("title_id"), query.getAll("plan")];
  if (plans.length > PLANS) throw invalid("plan", `filter by at most ${PLANS} plans`);
  const opens = ({ terms }: Offer) => {
    if (title === null && plans.length === 0) return true;
    if (terms.kind === "subscription") return plans.includes(terms.plan);
    return title !== null && (terms.title_id === undefined || terms.title_id === title);
  };
  const offers = (await biller.prices()).map(offerOf).filter((offer) => offer !== undefined);
  const found = offers
    .filter((offer) => !offer.archived && offer.offer_id > start && opens(offer))
    .sort((one, other) => (one.offer_id < other.offer_id ? -1 : 1));
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return { data: page, ...(last && found.length > limit && { next_cursor: cursorOf(last) }) };
}

export async function createCheckout({ till }: Shop, context: Context, body: string): Promise<Fields> {
  const account = viewer(context);
  const checkout = await till.buy({ account, idempotencyKey: context.idempotencyKey }, parsed(body || "{}"));
  return checkoutShown(checkout, true);
}

export function getCheckout({ book, tenant }: Shop, context: Context, id: string): Fields {
  const account = viewer(context);
  const checkout = book.checkout(tenant, id);
  if (checkout?.account !== account) throw new Problem(404, "checkout_not_found", `you have no checkout ${id}`);
  return checkoutShown(checkout, false);
}

export async function getAccount({ book, biller, tenant }: Shop, context: Context): Promise<Fields> {
  const account_id = viewer(context);
  const sold = await biller.sold(account_id);
  book.write(...sold.flatMap((it) => book.sight(tenant, it)));
  const newest = sold.toReversed();
  const orders = newest.filter((it): it is Order => it.kind === "order" && !it.refunded);
  const subscriptions = newest.filter((it): it is Subscription => it.kind === "subscription");
  return {
    account_id,
    subscriptions: subscriptions.map(subscriptionShown),
    purchases: orders.slice(0, PURCHASES).map(purchaseShown),
  };
}

export async function cancelSubscription({ book, biller, tenant }: Shop, context: Context, id: string): Promise<Fields> {
  const account = viewer(context);
  const found = (await biller.sold(account)).find((it) => it.id === id);
  if (found?.kind !== "subscription") throw new Problem(404, "subscription_not_found", `you have no subscription ${id}`);
  if (!runs(found, Date.now() / 1000)) return subscriptionShown(found);
  const canceled = await biller.cancelAtPeriodEnd(id);
  book.write(...book.sight(tenant, canceled));
  if (canceled.kind !== "subscription") throw new Problem(502, "bad_answer", "the billing system answered something else");
  return subscriptionShown(canceled);
}

/** The card vault: a card goes on to the billing system, and is kept nowhere here. */
export async function createToken({ biller }: Shop, body: string): Promise<Fields> {
  const card = parsed(body || "{}");
  const asked = {
    number: text(card, "card_number", 30),
    exp_month: whole(card, "expiry_month", 0, 255),
    exp_year: whole(card, "expiry_year", 0, 65_535),
    cvc: text(card, "security_code", 10),
  };
  const { token, ...shown } = await biller.token(asked).catch((error: unknown) => {
    if (error instanceof Refused) throw new Problem(400, "invalid_card", error.message);
    throw error;
  });
  return { payment_token: token, ...shown };
}
