// One wish to buy, one idempotency key: the key is kept over retries and reloads until the outcome is known.
//
// Kept for the tab (sessionStorage); it holds the gateway's token, never a card.

export interface Wanted {
  offerId: string;
  titleId?: string | undefined;
}

export interface Intent extends Wanted {
  key: string;
  /** The card's token. With it the request is complete, and a retry repeats it as it was. */
  paymentToken?: string;
  /** The request went out and no final answer came back. */
  sent?: boolean;
  /** The gateway has not said how the charge ended. */
  checkoutId?: string;
}

/** How a request ended, as far as its key goes. */
export type Outcome = "succeeded" | "refused" | "unknown";

const NAME = "tessera.intent";

export class Intents {
  readonly #storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  readonly #newKey: () => string;

  constructor(storage: Pick<Storage, "getItem" | "setItem" | "removeItem">, newKey: () => string) {
    this.#storage = storage;
    this.#newKey = newKey;
  }

  /** The intent under way for this, if there is one. */
  current(wanted: Wanted): Intent | undefined {
    const stored = this.#read();
    return stored && stored.offerId === wanted.offerId && stored.titleId === wanted.titleId ? stored : undefined;
  }

  /** The intent to go on with. Another thing wanted is another intent. */
  begin(wanted: Wanted): Intent {
    return this.current(wanted) ?? this.#write({ ...wanted, key: this.#newKey() });
  }

  /** Completes a request that has not gone out yet. One that has keeps the token it went out with. */
  withToken(intent: Intent, paymentToken: string): Intent {
    return intent.sent ? intent : this.#write({ ...intent, paymentToken });
  }

  sending(intent: Intent): Intent {
    return this.#write({ ...intent, sent: true });
  }

  pending(intent: Intent, checkoutId: string): Intent {
    return this.#write({ ...intent, checkoutId });
  }

  /** A known outcome ends the intent: the next try is a new one. An unknown one keeps key and token. */
  ended(intent: Intent, outcome: Outcome): void {
    if (outcome === "unknown") this.#write(intent);
    else this.#storage.removeItem(NAME);
  }

  #write(intent: Intent): Intent {
    this.#storage.setItem(NAME, JSON.stringify(intent));
    return intent;
  }

  #read(): Intent | undefined {
    try {
      const stored: unknown = JSON.parse(this.#storage.getItem(NAME) ?? "null");
      const intent = stored as Partial<Intent> | null;
      return typeof intent?.key === "string" && typeof intent.offerId === "string" ? (stored as Intent) : undefined;
    } catch {
      return undefined;
    }
  }
}
