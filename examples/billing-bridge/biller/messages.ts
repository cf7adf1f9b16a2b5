// Telling merchants: each message is posted until its address answers 2xx, in no order.
import { signed } from "../shared/webhooks.ts";
import type { Message, Store } from "./store.ts";

const PATIENCE_MS = 5000;
const LONGEST_WAIT_MS = 60_000;

export interface Address {
  url: string;
  secret: string;
}

export class Messages {
  readonly #store: Store;
  readonly #addresses: ReadonlyMap<string, Address>;
  readonly #underWay = new Set<string>();

  constructor(store: Store, addresses: ReadonlyMap<string, Address>) {
    this.#store = store;
    this.#addresses = addresses;
  }

  /** Begins to post what has not arrived. */
  send(): void {
    for (const [merchant, address] of this.#addresses) {
      for (const message of this.#store.of(merchant).undelivered.values()) {
        if (this.#underWay.has(message.id)) continue;
        this.#underWay.add(message.id);
        void this.#post(merchant, address, message, 500);
      }
    }
  }

  async #post(merchant: string, { url, secret }: Address, message: Message, wait: number): Promise<void> {
    const headers = signed(secret, message.id, new Date(), message.body);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const posted = await fetch(url, { method: "POST", headers, body: message.body, redirect: "error", signal }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (posted) {
      this.#store.write({ merchant, kind: "arrived", message: message.id });
      this.#underWay.delete(message.id);
      return;
    }
    const next = Math.min(wait * 2, LONGEST_WAIT_MS);
    setTimeout(() => void this.#post(merchant, { url, secret }, message, next), wait).unref();
  }
}
