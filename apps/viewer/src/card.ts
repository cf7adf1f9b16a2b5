// Checks on a card before it is sent, so that a slip is seen at once. The gateway has the last word.

export interface CardFields {
  number: string;
  expiry: string;
  code: string;
}

export type CardProblem = "numberInvalid" | "expiryInvalid" | "expiryPast" | "codeInvalid";
export type CardProblems = Partial<Record<keyof CardFields, CardProblem>>;

const digits = (text: string) => text.replace(/\D/g, "");

/** The check digit of card numbers (ISO/IEC 7812-1 Annex B). */
export function luhn(number: string): boolean {
  const sum = [...number].reverse().reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 === 1 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

/** Groups of four while typing. */
export const spaced = (text: string): string =>
  digits(text)
    .slice(0, 19)
    .replace(/(\d{4})(?=\d)/g, "$1 ");

/** `MM / YY` while typing. */
export function slashed(text: string): string {
  const raw = digits(text);
  // "203" can only be February 2003 if the reader meant it so: a first digit above 1 is a whole month.
  const all = (/^[2-9]/.test(raw) ? `0${raw}` : raw).slice(0, 6);
  return all.length > 2 ? `${all.slice(0, 2)} / ${all.slice(2)}` : all;
}

export function expiryOf(text: string): { month: number; year: number } | undefined {
  const match = /^(\d{1,2})\s*\/\s*(\d{2}|\d{4})$/.exec(text.trim());
  if (!match) return undefined;
  const [month, year] = [Number(match[1]), Number(match[2])];
  return month >= 1 && month <= 12 ? { month, year: year < 100 ? 2000 + year : year } : undefined;
}

export function problemsOf(card: CardFields, now: Date): CardProblems {
  const problems: CardProblems = {};
  const number = digits(card.number);
  if (number.length < 12 || number.length > 19 || !luhn(number)) problems.number = "numberInvalid";
  const expiry = expiryOf(card.expiry);
  if (!expiry) problems.expiry = "expiryInvalid";
  else if (new Date(expiry.year, expiry.month, 1) <= now) problems.expiry = "expiryPast";
  if (!/^\d{3,4}$/.test(card.code.trim())) problems.code = "codeInvalid";
  return problems;
}

/** The card as the gateway takes it. Only for a card without problems. */
export function tokenRequest(card: CardFields) {
  const expiry = expiryOf(card.expiry);
  return {
    card_number: digits(card.number),
    expiry_month: expiry?.month ?? 0,
    expiry_year: expiry?.year ?? 0,
    security_code: card.code.trim(),
  };
}
