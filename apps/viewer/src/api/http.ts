// A typed `fetch` over the generated documents: path, query, body and answer are the contract's.
import type { paths as Billing } from "./generated/billing.ts";
import type { paths as CardVault } from "./generated/card-vault.ts";
import type { paths as Catalog } from "./generated/catalog.ts";
import type { paths as Playback } from "./generated/playback.ts";
import type { paths as Viewers } from "./generated/viewers.ts";
import { ApiError, errorOf } from "./problem.ts";

interface Mounts {
  catalog: Catalog;
  billing: Billing;
  "payment-gateway": CardVault;
  viewers: Viewers;
  playback: Playback;
}

type Method = "get" | "post" | "put";
type Operation<M extends keyof Mounts, P extends keyof Mounts[M], V extends Method> = V extends keyof Mounts[M][P]
  ? Mounts[M][P][V]
  : never;
type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : never;
type Answer<O> = O extends { responses: infer R }
  ? { [S in keyof R & (200 | 201)]: Json<R[S]> }[keyof R & (200 | 201)]
  : never;
type PathOf<O> = O extends { parameters: { path: infer P } } ? P : never;
type QueryOf<O> = O extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never;
type KeyOf<O> = O extends { parameters: { header: { "Idempotency-Key": infer K } } } ? K : never;
type BodyOf<O> = O extends { requestBody: infer B } ? Json<B> : never;
type MayBody<O> = O extends { requestBody: unknown }
  ? never
  : O extends { requestBody?: infer B }
    ? Json<NonNullable<B>>
    : never;
type Need<Name extends string, T> = [T] extends [never] ? unknown : { [N in Name]: T };
type Allow<Name extends string, T> = [T] extends [never] ? unknown : { [N in Name]?: T };

export type Options<O> = Need<"path", PathOf<O>> &
  Need<"body", BodyOf<O>> &
  Need<"idempotencyKey", KeyOf<O>> &
  Allow<"body", MayBody<O>> &
  Allow<"query", QueryOf<O>> & { signal?: AbortSignal | undefined; keepalive?: boolean };

/** What every call may carry, as seen from inside. */
interface Parts {
  path?: Record<string, string>;
  query?: Record<string, string | number | readonly string[] | null | undefined>;
  body?: unknown;
  idempotencyKey?: string;
  signal?: AbortSignal | undefined;
  keepalive?: boolean;
}

/** The session's token for methods that change something; the session says it, see session.tsx. */
let csrfToken: string | undefined;
let refreshCsrf: (() => Promise<string | undefined>) | undefined;

export function setCsrf(token: string | undefined, refresh: () => Promise<string | undefined>): void {
  csrfToken = token;
  refreshCsrf = refresh;
}

export function urlOf(mount: string, template: string, parts: Pick<Parts, "path" | "query">): string {
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parts.path?.[name] ?? ""));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parts.query ?? {})) {
    if (value === undefined || value === null) continue;
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, String(each));
  }
  const text = query.toString();
  return `/${mount}${path}${text ? `?${text}` : ""}`;
}

async function send(method: Method, url: string, parts: Parts): Promise<Response> {
  const headers = new Headers({ accept: "application/json" });
  if (parts.body !== undefined) headers.set("content-type", "application/json");
  if (parts.idempotencyKey) headers.set("idempotency-key", parts.idempotencyKey);
  if (method !== "get" && csrfToken) headers.set("x-csrf-token", csrfToken);
  const init: RequestInit = { method: method.toUpperCase(), headers, credentials: "same-origin" };
  if (parts.body !== undefined) init.body = JSON.stringify(parts.body);
  if (parts.signal) init.signal = parts.signal;
  if (parts.keepalive) init.keepalive = true;
  try {
    return await fetch(url, init);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError({ status: 0, code: "network", detail: "" });
  }
}

/** Calls an operation. Throws {@link ApiError} for every answer other than success. */
export async function call<M extends keyof Mounts, P extends keyof Mounts[M] & string, V extends Method>(
  mount: M,
  method: V,
  path: P,
  options: Options<Operation<M, P, V>>,
): Promise<Answer<Operation<M, P, V>>> {
  const parts = options as Parts;
  const url = urlOf(mount, path, parts);
  let response = await send(method, url, parts);
  if (response.status === 403 && method !== "get" && (await tokenChanged())) {
    response = await send(method, url, parts); // signed in anew in another tab: the edge refused before any effect
  }
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as Answer<Operation<M, P, V>>;
}

async function tokenChanged(): Promise<boolean> {
  const before = csrfToken;
  const now = await refreshCsrf?.().catch(() => before);
  return now !== undefined && now !== before;
}
