// What it takes to watch a title, as far as the app can tell. The service decides when somebody presses play.
import type { AccountState, Offer, Title } from "./api/client.ts";

export type Access =
  | { kind: "free" }
  | { kind: "plan"; plan: string }
  | { kind: "rental"; until: string }
  | { kind: "none" };

export function accessTo(title: Title, account: AccountState | undefined, now: Date): Access {
  if (title.access.free) return { kind: "free" };
  const later = (time: string) => new Date(time) > now;
  const rental = account?.purchases.find((p) => p.title_id === title.title_id && later(p.ends_at));
  const plan = account?.subscriptions.find(
    (s) =>
      title.access.plans.includes(s.plan) &&
      (s.state === "active" || (s.state === "canceled" && later(s.period_ends_at))),
  );
  if (plan) return { kind: "plan", plan: plan.plan };
  return rental ? { kind: "rental", until: rental.ends_at } : { kind: "none" };
}

/** Offers that open the title, plans first and cheaper before dearer. */
export function offersFor(title: Title, plans: readonly Offer[], rentals: readonly Offer[]): Offer[] {
  const opens = plans.filter(({ terms }) => terms.kind === "subscription" && title.access.plans.includes(terms.plan));
  return [...sellable(opens), ...sellable(rentals.filter(({ terms }) => terms.kind === "rental"))];
}

/** What can still be bought, cheaper first. */
export function sellable(offers: readonly Offer[]): Offer[] {
  const known = offers.filter(({ archived, terms }) => !archived && terms.kind !== "unknown");
  return known.sort((a, b) => a.price.amount_minor - b.price.amount_minor);
}
