// Telling entitlement what was sold: at least once, the newest state of each thing, until it is heard.
import { Away, Refused } from "../shared/ask.ts";
import type { Book, Due } from "./book.ts";
import { statementOf } from "./contract.ts";
import type { Entitlement } from "./entitlement.ts";

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;

/** One tenant's deliveries, one after the other. */
export class Delivery {
  readonly #book: Book;
  readonly #tenant: string;
  readonly #entitlement: Entitlement;
  #running = false;
  #wait = FIRST_WAIT_MS;
  #again: NodeJS.Timeout | undefined;

  constructor(book: Book, tenant: string, entitlement: Entitlement) {
    this.#book = book;
    this.#tenant = tenant;
    this.#entitlement = entitlement;
  }

  /** Delivers what is due, unless that is under way already. */
  ring(): void {
    if (this.#running || this.#book.due(this.#tenant).length === 0) return;
    this.#running = true;
    clearTimeout(this.#again);
    void this.#round().finally(() => {
      this.#running = false;
      this.#afterRound();
    });
  }

  #afterRound(): void {
    if (this.#book.due(this.#tenant).length === 0) {
      this.#wait = FIRST_WAIT_MS;
      return;
    }
    this.#again = setTimeout(() => this.ring(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  /** Tells each thing that is due once; an answer that says no holds up nothing but itself. */
  async #round(): Promise<void> {
    for (const due of this.#book.due(this.#tenant)) {
      try {
        await this.#tell(due);
        this.#wait = FIRST_WAIT_MS;
      } catch (error) {
        if (!(error instanceof Refused || error instanceof Away)) throw error;
        console.error(`${this.#tenant}: ${due.sold.id} is not told to entitlement yet: ${error.message}`);
        if (error instanceof Away) {
          this.#wait = Math.max(this.#wait, 1000 * (error.retryAfterSeconds ?? 0));
          return;
        }
      }
    }
  }

  async #tell({ tenant, sold }: Due): Promise<void> {
    await this.#entitlement.tell(sold.id, statementOf(sold));
    this.#book.write({ kind: "heard", tenant, sold: sold.id, version: sold.version });
  }
}
