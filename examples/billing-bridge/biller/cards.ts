// Test cards: this billing system takes no real one.
import { randomBytes } from "node:crypto";
import { Refused } from "../shared/ask.ts";
import { type Fields, text, whole } from "../shared/fields.ts";

/** What happens when a card is charged; `lost` pays, and the answer is lost on its way. */
export type Behaviour = "pays" | "declines" | "lost";

const CARDS: Record<string, Behaviour> = {
  "4242424242424242": "pays",
  "4000000000000002": "declines",
  "4000000000000259": "lost",
};

export interface Token {
  id: string;
  brand: string;
  last4: string;
  behaviour: Behaviour;
}

/** The token that stands for a card from now on. */
export function tokenOf(card: Fields, now: Date): Token {
  const number = text(card, "number", 30).replaceAll(" ", "");
  const [month, year] = [whole(card, "exp_month", 1, 12), whole(card, "exp_year", 2000, 2199)];
  if (!/^[0-9]{3,4}$/.test(text(card, "cvc", 4))) throw new Refused(400, "invalid_card", "the security code is 3 or 4 digits");
  if (Date.UTC(year, month) <= now.getTime()) throw new Refused(400, "invalid_card", "the card has expired");
  const behaviour = CARDS[number];
  if (!behaviour) {
    const known = "4242 4242 4242 4242 pays, 4000 0000 0000 0002 is declined, of 4000 0000 0000 0259 the answer is lost";
    throw new Refused(400, "invalid_card", `this takes test cards alone: ${known}`);
  }
  return { id: `card_${randomBytes(16).toString("hex")}`, brand: "visa", last4: number.slice(-4), behaviour };
}
