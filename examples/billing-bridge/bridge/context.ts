// Who calls: the signed context that Tessera sends, and what it may do.
//
// A context is a JWT (RFC 7519, HS256) in the header `tessera-cx`, signed with the deployment's secret, for one audience, for
// 30 seconds. Nothing else says who calls; docs/conformance.md has its claims.
import { createHmac, timingSafeEqual } from "node:crypto";
import { type Fields, isObject, object, optionalText, text } from "../shared/fields.ts";
import { Problem } from "./problem.ts";

export interface Context {
  tenant: string;
  kind: string;
  /** The account that is signed in, where a viewer calls. */
  account: string | undefined;
  requestId: string;
  idempotencyKey: string | undefined;
}

function decoded(part: string | undefined): Fields | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part ?? "", "base64url").toString("utf8"));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The keys that a context may be signed with: the lines of the deployment's `secrets/cx-signing`. */
export class Keys {
  readonly #keys: Buffer[];

  constructor(file: string) {
    const lines = file.split("\n").filter((line) => line.trim() !== "");
    this.#keys = lines.map((line) => Buffer.from(line.trim().split(/\s+/).at(-1) ?? "", "hex"));
    if (this.#keys.length === 0 || this.#keys.some((key) => key.length !== 32)) {
      throw new Error("the key file holds no keys of 64 hexadecimal digits");
    }
  }

  /** The context in a token. Throws 401 for one that is forged, too old, or for another audience. */
  context(token: unknown, audience: string, now: Date): Context {
    const refused = new Problem(401, "unauthenticated", "the signed context is missing, forged, too old or for another");
    const parts = typeof token === "string" ? token.split(".") : [];
    const [header, claims] = [decoded(parts[0]), decoded(parts[1])];
    if (parts.length !== 3 || header?.["alg"] !== "HS256" || !claims) throw refused;
    const sent = Buffer.from(parts[2] ?? "", "base64url");
    const digests = this.#keys.map((key) => createHmac("sha256", key).update(`${parts[0]}.${parts[1]}`).digest());
    if (!digests.some((digest) => digest.length === sent.length && timingSafeEqual(digest, sent))) throw refused;
    const exp = claims["exp"];
    if (claims["aud"] !== audience || typeof exp !== "number" || exp < now.getTime() / 1000) throw refused;
    const caller = object(claims, "caller");
    return {
      tenant: text(claims, "tenant"),
      kind: text(caller, "kind"),
      account: caller["kind"] === "viewer" ? text(caller, "account") : undefined,
      requestId: text(claims, "request_id"),
      idempotencyKey: optionalText(claims, "idempotency_key"),
    };
  }
}

/** The account of the viewer who calls. Throws 401 for nobody and 403 for anybody else. */
export function viewer(context: Context): string {
  if (context.account !== undefined) return context.account;
  if (context.kind === "anonymous") throw new Problem(401, "unauthenticated", "this is for a signed-in viewer: sign in");
  throw new Problem(403, "forbidden", "this is for a signed-in viewer");
}
