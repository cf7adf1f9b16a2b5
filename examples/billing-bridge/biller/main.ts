// A small billing system, as somebody else's: it stands in for Stripe Billing, Chargebee, Zuora or a telco's own. It has
// prices, cards, subscriptions, orders and signed messages, keeps them in a file of its own, and knows nothing of Tessera.
//
//     npm run biller -- --config biller.json --file biller.jsonl --port 9200
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Refused } from "../shared/ask.ts";
import { type Fields, parsed, WrongField } from "../shared/fields.ts";
import { type Answer, type Call, match, serve } from "../shared/server.ts";
import { type Address, Messages } from "./messages.ts";
import type { Price } from "./objects.ts";
import * as operations from "./operations.ts";
import { Store } from "./store.ts";

interface Merchant {
  api_key: string;
  webhook: Address;
  prices: Price[];
}

const { values } = parseArgs({
  options: {
    config: { type: "string" },
    file: { type: "string", default: "biller.jsonl" },
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "9200" },
  },
});
if (!values.config) throw new Error("say where the merchants are: --config biller.json");
const { merchants } = JSON.parse(readFileSync(values.config, "utf8")) as { merchants: Record<string, Merchant> };
const store = new Store(values.file);
const addresses = new Map(Object.entries(merchants).map(([name, { webhook }]) => [name, webhook]));
const messages = new Messages(store, addresses);

const CHANGES: [string, (desk: operations.Desk, body: Fields, of: string) => ReturnType<typeof operations.order>][] = [
  ["/v1/tokens", operations.createToken],
  ["/v1/subscriptions", operations.subscribe],
  ["/v1/subscriptions/{id}", operations.changePrice],
  ["/v1/subscriptions/{id}/cancel", operations.cancel],
  ["/v1/orders", operations.order],
  ["/v1/orders/{id}/refund", operations.refund],
  ["/v1/webhooks", operations.setWebhooks],
  ["/v1/test_clock", operations.advance],
];

function deskOf(merchant: string): operations.Desk {
  const books = store.of(merchant);
  const now = Math.floor(Date.now() / 1000) + books.ahead;
  return { merchant, prices: merchants[merchant]?.prices ?? [], books, now };
}

function reads({ path, query }: Call, { prices, books }: operations.Desk): Answer | undefined {
  switch (path) {
    case "/v1/prices":
      return { status: 200, body: { data: prices } };
    case "/v1/subscriptions":
      return operations.listed(books.subscriptions.values(), query);
    case "/v1/orders":
      return operations.listed(books.orders.values(), query);
    case "/v1/webhooks":
      return {
        status: 200,
        body: { enabled: books.webhooks, undelivered: books.undelivered.size, delivered: books.delivered },
      };
  }
}

/** Does it once for its key; what was refused may be tried again under the same one. */
function change(call: Call, desk: operations.Desk): Answer | undefined {
  for (const [template, operation] of CHANGES) {
    const found = match(template, call.path);
    if (!found) continue;
    const key = call.headers["idempotency-key"];
    const request = createHash("sha256").update(`${call.path}\n${call.body}`).digest("hex");
    const before = typeof key === "string" ? desk.books.answers.get(key) : undefined;
    if (before && before.request !== request) throw new Refused(409, "key_reused", "the key was another request's");
    if (before) return before.answer;
    const body = parsed(call.body || "{}");
    const { answer, changes } = operation(desk, body, found["id"] ?? "");
    const { merchant } = desk;
    if (typeof key === "string") changes.push({ merchant, kind: "answered", key, request, answer });
    if (changes.length > 0) store.write(...changes);
    const token = body["payment_token"];
    const lost = typeof token === "string" && desk.books.cards.get(token) === "lost";
    return lost ? { status: 504 } : answer;
  }
}

function carriedOut(call: Call): Answer {
  const sent = call.headers.authorization ?? "";
  const merchant = Object.entries(merchants).find(([, { api_key }]) => sent === `Bearer ${api_key}`)?.[0];
  if (!merchant) throw new Refused(401, "unauthenticated", "send your API key as a bearer credential");
  const desk = deskOf(merchant);
  const answer = call.method === "GET" ? reads(call, desk) : call.method === "POST" ? change(call, desk) : undefined;
  if (!answer) throw new Refused(404, "not_found", "there is nothing at this path");
  return answer;
}

function turnOfPeriods(): void {
  for (const merchant of Object.keys(merchants)) {
    const changes = operations.due(deskOf(merchant));
    if (changes.length > 0) store.write(...changes);
  }
  messages.send();
}

const url = await serve(values.host, Number(values.port), async (call) => {
  try {
    const answer = carriedOut(call);
    setImmediate(turnOfPeriods);
    return answer;
  } catch (error) {
    if (error instanceof Refused) return { status: error.status, body: { code: error.code, detail: error.message } };
    if (error instanceof WrongField) return { status: 400, body: { code: "invalid", detail: error.message } };
    throw error;
  }
});
setInterval(turnOfPeriods, 1000);
turnOfPeriods();
console.error(`biller at ${url}`);
