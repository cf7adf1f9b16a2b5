// Reading JSON that somebody else wrote: each field is what it is expected to be, or is named.

export type Fields = Record<string, unknown>;

/** A field is not what it has to be. */
export class WrongField extends Error {
  readonly field: string;

  constructor(field: string, what: string) {
    super(`${field} ${what}`);
    this.field = field;
  }
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object that a text is. */
export function parsed(json: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new WrongField("body", "is not JSON");
  }
  if (!isObject(value)) throw new WrongField("body", "is an object");
  return value;
}

export function object(of: Fields, field: string): Fields {
  const value = of[field];
  if (!isObject(value)) throw new WrongField(field, "is an object");
  return value;
}

export function list(of: Fields, field: string): unknown[] {
  const value = of[field];
  if (!Array.isArray(value)) throw new WrongField(field, "is a list");
  return value;
}

export function text(of: Fields, field: string, longest = 500): string {
  const value = of[field];
  if (typeof value !== "string" || value.length < 1 || value.length > longest) {
    throw new WrongField(field, `is a text of 1 to ${longest} characters`);
  }
  return value;
}

export function optionalText(of: Fields, field: string): string | undefined {
  return of[field] === undefined || of[field] === null ? undefined : text(of, field);
}

/** An id, as it may stand in a URL. */
export function identifier(of: Fields, field: string): string {
  const value = text(of, field, 200);
  if (!/^[A-Za-z0-9._~-]+$/.test(value)) throw new WrongField(field, "is an id: letters, digits and . _ ~ -");
  return value;
}

export function whole(of: Fields, field: string, least: number, most: number): number {
  const value = of[field];
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw new WrongField(field, `is a whole number from ${least} to ${most}`);
  }
  return value;
}

export function flag(of: Fields, field: string): boolean {
  const value = of[field];
  if (typeof value !== "boolean") throw new WrongField(field, "is true or false");
  return value;
}
