// Between Tessera and the billing system that an operator has: it answers Tessera's billing contract, and turns what the
// billing system sells into grants.
//
//     npm run bridge -- --key data/secrets/cx-signing --config bridge.json --file bridge.jsonl --port 9100
import { randomUUID, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Away } from "../shared/ask.ts";
import { object, parsed, WrongField } from "../shared/fields.ts";
import { type Answer, type Call, match, serve } from "../shared/server.ts";
import { isSigned } from "../shared/webhooks.ts";
import { Biller, type BillerConfig, soldIn } from "./biller.ts";
import { Book, eventOf } from "./book.ts";
import { Till } from "./checkout.ts";
import { type Context, Keys } from "./context.ts";
import { Delivery } from "./delivery.ts";
import { Entitlement, type TesseraConfig } from "./entitlement.ts";
import * as operations from "./operations.ts";
import { invalid, Problem } from "./problem.ts";
import { reconcile } from "./reconcile.ts";

interface Config {
  /** For `POST /reconcile`. */
  admin_key: string;
  /** Seconds between two rounds of holding all sides against each other. */
  reconcile_seconds: number;
  tenants: Record<string, { biller: BillerConfig; tessera: TesseraConfig }>;
}

interface Tenant extends operations.Shop {
  webhookSecret: string;
  entitlement: Entitlement;
  delivery: Delivery;
}

const SETTLE_MS = 1000;
const EVENTS = 256;

const { values } = parseArgs({
  options: {
    key: { type: "string" },
    config: { type: "string" },
    file: { type: "string", default: "bridge.jsonl" },
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "9100" },
  },
});
if (!values.key || !values.config) throw new Error("say --key SECRETS/cx-signing and --config bridge.json");
const keys = new Keys(readFileSync(values.key, "utf8"));
const config = JSON.parse(readFileSync(values.config, "utf8")) as Config;
const book = new Book(values.file);
const tenants = new Map<string, Tenant>();
for (const [tenant, { biller: of, tessera }] of Object.entries(config.tenants)) {
  const [biller, entitlement] = [new Biller(of), new Entitlement(tessera)];
  const [till, delivery] = [new Till(book, tenant, biller), new Delivery(book, tenant, entitlement)];
  tenants.set(tenant, { tenant, book, biller, till, entitlement, delivery, webhookSecret: of.webhook_secret });
}
const ring = () => tenants.forEach(({ delivery }) => delivery.ring());
book.whenDue(() => setImmediate(ring));

function shopOf({ tenant }: Context): operations.Shop {
  const shop = tenants.get(tenant);
  if (!shop) throw new Problem(503, "unavailable", `${tenant} has no billing here yet`);
  return shop;
}

type Operation = (shop: operations.Shop, context: Context, call: Call, id: string) => Promise<unknown> | unknown;

/** Method, path, for whom contexts are signed, the operation, and the status of its success. */
const OPERATIONS: [string, string, string, Operation, number][] = [
  ["GET", "/v1/offers", "billing", (shop, _, { query }) => operations.listOffers(shop, query), 200],
  ["POST", "/v1/checkouts", "billing", (shop, cx, { body }) => operations.createCheckout(shop, cx, body), 201],
  ["GET", "/v1/checkouts/{id}", "billing", (shop, cx, _, id) => operations.getCheckout(shop, cx, id), 200],
  ["GET", "/v1/account", "billing", (shop, cx) => operations.getAccount(shop, cx), 200],
  ["POST", "/v1/subscriptions/{id}/cancel", "billing", (shop, cx, _, id) => operations.cancelSubscription(shop, cx, id), 200],
  ["POST", "/vault/v1/tokens", "card-vault", (shop, _, { body }) => operations.createToken(shop, body), 201],
];

/** What was sold, for the deployment's own processes: a batch of CloudEvents (docs/placements.md). */
function events({ tenant, kind }: Context, query: URLSearchParams): Answer {
  if (tenant !== "platform" || kind !== "service") throw new Problem(403, "forbidden", "this is for other processes");
  const position = /^[0-9]+\.([0-9]{1,15})$/.exec(query.get("after") ?? "0.0")?.[1];
  if (position === undefined) throw invalid("after", "after is a position such as 0.17");
  const limit = Math.min(Math.max(Number(query.get("limit") ?? EVENTS) || EVENTS, 1), EVENTS);
  const { events, more } = book.told(Number(position), limit);
  const headers = { "content-type": "application/cloudevents-batch+json", ...(more && { link: '<>; rel="next"' }) };
  return { status: 200, body: events.map(([at, told]) => eventOf(at, told)), headers };
}

/** What the billing system tells: on disk before it is thanked for it. */
function heard(tenant: Tenant, call: Call): Answer {
  if (!isSigned(tenant.webhookSecret, call.headers, new Date(), call.body)) {
    throw new Problem(401, "unauthenticated", "the message is not signed with this tenant's secret, or is old");
  }
  const sold = soldIn(object(parsed(call.body), "data"));
  book.write(...book.sight(tenant.tenant, sold));
  return { status: 204 };
}

async function reconciled({ headers, query }: Call): Promise<Answer> {
  const [sent, wanted] = [Buffer.from(headers.authorization ?? ""), Buffer.from(`Bearer ${config.admin_key}`)];
  if (sent.length !== wanted.length || !timingSafeEqual(sent, wanted)) {
    throw new Problem(401, "unauthenticated", "send the admin_key as a bearer credential");
  }
  const wantedTenants = [...tenants.values()].filter(({ tenant }) => [null, tenant].includes(query.get("tenant")));
  const dryRun = query.get("dry_run") === "true";
  return { status: 200, body: { data: await Promise.all(wantedTenants.map((tenant) => reconcile(tenant, dryRun))) } };
}

/** What Tessera asks, by a signed context. Answers nothing where that is no operation. */
async function asked(call: Call): Promise<Answer | undefined> {
  for (const [method, template, audience, operation, status] of OPERATIONS) {
    const found = match(template, call.path);
    if (!found || method !== call.method) continue;
    const context = keys.context(call.headers["tessera-cx"], audience, new Date());
    const body = await operation(shopOf(context), context, call, found["id"] ?? "");
    const version = (body as { version?: unknown }).version;
    const headers = { "x-request-id": context.requestId, ...(version !== undefined && { etag: `"${version}"` }) };
    return { status, body, headers };
  }
}

async function carriedOut(call: Call): Promise<Answer> {
  const { method, path, query } = call;
  const told = match("/webhooks/{tenant}", path)?.["tenant"];
  const tenant = method === "POST" && told !== undefined ? tenants.get(told) : undefined;
  if (tenant) return heard(tenant, call);
  if (method === "POST" && path === "/reconcile") return await reconciled(call);
  if (method === "GET" && path === "/v1/events") {
    return events(keys.context(call.headers["tessera-cx"], "billing-events", new Date()), query);
  }
  const elsewhere = "there is nothing at this path: what is for sale, and the ledger, are the billing system's";
  const answer = await asked(call);
  if (!answer) throw new Problem(404, "not_found", elsewhere);
  return answer;
}

/** The refusal that an error is. */
function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof WrongField) return invalid(error.field, error.message);
  console.error(error);
  if (error instanceof Away) return new Problem(503, "unavailable", "the billing system cannot be reached now; try again");
  return new Problem(500, "internal", "a fault of ours; the log has it");
}

const url = await serve(values.host, Number(values.port), async (call) => {
  try {
    return await carriedOut(call);
  } catch (error) {
    return problemOf(error).answer(`req_${randomUUID().replaceAll("-", "")}`);
  }
});

setInterval(() => tenants.forEach(({ till }) => till.settle()), SETTLE_MS);
setInterval(() => {
  for (const tenant of tenants.values()) {
    reconcile(tenant, false).then(
      ({ differences }) => {
        if (differences.length > 0) console.error(`${tenant.tenant}: ${JSON.stringify(differences)}`);
      },
      (error: unknown) => console.error(`${tenant.tenant}: the sides cannot be held against each other:`, error),
    );
  }
}, 1000 * config.reconcile_seconds);
ring();
console.error(`bridge at ${url}`);
