// Entitlement, over the published contract: an API key of the tenant with the scopes entitlement:read and entitlement:write.
import { ask, Refused } from "../shared/ask.ts";
import { type Fields, flag, isObject, list, text, whole } from "../shared/fields.ts";
import type { Statement } from "./contract.ts";

/** Under which the bridge's grants are stated. */
export const SOURCE = "billing-bridge";

export interface TesseraConfig {
  /** The tenant's address. */
  url: string;
  /** The `Host` to send, where the tenant's name does not resolve. */
  host?: string;
  api_key: string;
}

/** A grant of ours, as entitlement has it. */
export interface Held {
  reference: string;
  version: number;
  revoked: boolean;
  account_id: string;
  scope: Fields;
  ends_at: number | undefined;
  max_streams: number;
}

export class Entitlement {
  readonly #config: TesseraConfig;

  constructor(config: TesseraConfig) {
    this.#config = config;
  }

  #ask(method: string, path: string, body?: Fields): Promise<Fields> {
    const { url, host, api_key: key } = this.#config;
    return ask({ method, url: `${url}/entitlement${path}`, key, host, ...(body && { body }) });
  }

  /** States or revokes a grant. Repeating it, or stating what is older, changes nothing over there. */
  async tell(reference: string, statement: Statement): Promise<void> {
    const { do: what, ...body } = statement;
    const path = `/v1/grants/${SOURCE}/${reference}`;
    if (what === "put") {
      await this.#ask("PUT", path, body);
      return;
    }
    await this.#ask("POST", `${path}/revoke`, body).catch((error: unknown) => {
      // What was never stated need not be revoked.
      if (!(error instanceof Refused && error.code === "grant_not_found")) throw error;
    });
  }

  /** Every grant that stands there under our name. */
  async held(): Promise<Map<string, Held>> {
    const held = new Map<string, Held>();
    for (let cursor: string | undefined; ; ) {
      const query = new URLSearchParams({ limit: "100", ...(cursor && { cursor }) });
      const page = await this.#ask("GET", `/v1/grants?${query}`);
      const grants = list(page, "data").filter(isObject);
      for (const grant of grants.filter(({ source }) => source === SOURCE)) {
        const reference = text(grant, "reference");
        const ends = grant["ends_at"];
        held.set(reference, {
          reference,
          version: whole(grant, "version", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
          revoked: flag(grant, "revoked"),
          account_id: text(grant, "account_id"),
          scope: isObject(grant["scope"]) ? grant["scope"] : {},
          ends_at: typeof ends === "string" ? Date.parse(ends) / 1000 : undefined,
          max_streams: whole(grant, "max_streams", 1, 100),
        });
      }
      if (grants.length === 0) return held;
      cursor = text(page, "next_cursor", 2000);
    }
  }
}
