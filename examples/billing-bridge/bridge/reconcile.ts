// Holding three sides against each other: what the billing system sold, what the bridge knows, and what entitlement has.
// It heals what a message would have brought, and names what no message can.
import type { Biller, Sold } from "./biller.ts";
import type { Book } from "./book.ts";
import { type Statement, statementOf } from "./contract.ts";
import type { Entitlement, Held } from "./entitlement.ts";

export interface Difference {
  /** The billing system's name for it, and the grant's reference. */
  reference: string;
  /**
   * `unknown_here`: the billing system has it, the bridge did not. `older_here`: the bridge had an older version.
   * `not_granted`, `older_grant`: entitlement lacks it, or the version. `another_grant`: entitlement has something else under the
   * same version. `unknown_to_biller`: entitlement has a grant of ours that the billing system does not know.
   */
  what: "unknown_here" | "older_here" | "not_granted" | "older_grant" | "another_grant" | "unknown_to_biller";
  healed: boolean;
}

export interface Report {
  tenant: string;
  sold: number;
  granted: number;
  differences: Difference[];
}

/** How a grant stands to what should be there; nothing where they agree. */
export function difference(stated: Statement, held: Held | undefined): Difference["what"] | undefined {
  if (!held) return stated.do === "revoke" ? undefined : "not_granted";
  if (held.version < stated.version) return "older_grant";
  if (held.version > stated.version) return undefined; // told meanwhile
  if (stated.do === "revoke") return held.revoked ? undefined : "another_grant";
  const same =
    !held.revoked &&
    held.account_id === stated.account_id &&
    held.ends_at === Date.parse(stated.ends_at) / 1000 &&
    held.max_streams === stated.max_streams &&
    Object.entries(stated.scope).every(([name, value]) => held.scope[name] === value);
  return same ? undefined : "another_grant";
}

/** Finds what differs, and heals it unless this is a dry run. Throws where one of the sides cannot be asked. */
export async function reconcile(
  { tenant, book, biller, entitlement }: { tenant: string; book: Book; biller: Biller; entitlement: Entitlement },
  dryRun: boolean,
): Promise<Report> {
  const before = new Set(book.allKnown(tenant).map(({ id }) => id));
  const sold = await biller.sold();
  const held = await entitlement.held();
  const differences: Difference[] = [];
  const differs = (it: Sold, what: Difference["what"], healed: boolean) =>
    differences.push({ reference: it.id, what, healed });
  for (const it of sold) {
    const known = book.known(tenant, it.id);
    if (!known || known.version < it.version) {
      differs(it, known ? "older_here" : "unknown_here", !dryRun);
      if (!dryRun) book.write(...book.sight(tenant, it));
      continue;
    }
    const onItsWay = known.version > it.version || book.due(tenant).some(({ sold }) => sold.id === it.id);
    const what = onItsWay ? undefined : difference(statementOf(known), held.get(it.id));
    if (!what) continue;
    const heals = what !== "another_grant" && !dryRun;
    differs(it, what, heals);
    if (heals) book.again(tenant, it.id);
  }
  const there = new Set(sold.map(({ id }) => id));
  for (const { reference, revoked } of held.values()) {
    const soldMeanwhile = book.known(tenant, reference) && !before.has(reference);
    if (there.has(reference) || revoked || soldMeanwhile) continue;
    differences.push({ reference, what: "unknown_to_biller", healed: false });
  }
  return { tenant, sold: sold.length, granted: held.size, differences };
}
