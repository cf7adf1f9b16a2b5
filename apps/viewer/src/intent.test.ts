import { describe, expect, it } from "vitest";
import { Intents } from "./intent.ts";

function fresh() {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  };
  let n = 0;
  const open = () => new Intents(storage, () => `key-${++n}`);
  return { intents: open(), reload: open, kept };
}

const rental = { offerId: "off_r", titleId: "ttl_1" };

describe("purchase intents", () => {
  it("keep one key for one wish, over a reload too", () => {
    const { intents, reload } = fresh();
    const { key } = intents.begin(rental);
    expect(intents.begin(rental).key).toBe(key);
    expect(reload().begin(rental).key).toBe(key);
  });

  it("are different for another offer or title", () => {
    const { intents } = fresh();
    const keys = [rental, { ...rental, titleId: "ttl_2" }, { offerId: "off_r" }].map(
      (wanted) => intents.begin(wanted).key,
    );
    expect(new Set(keys).size).toBe(3);
  });

  it("take a new key after a refusal, for a retry with another card is another request", () => {
    const { intents } = fresh();
    const first = intents.begin(rental);
    intents.ended(first, "refused");
    expect(intents.begin(rental).key).not.toBe(first.key);
  });

  it("keep key and token when the outcome is unknown", () => {
    const { intents } = fresh();
    const sent = intents.sending(intents.withToken(intents.begin(rental), "tok_1"));
    intents.ended(sent, "unknown");
    const again = intents.begin(rental);
    expect(again).toEqual(sent);
    expect(intents.withToken(again, "tok_2").paymentToken).toBe("tok_1");
  });

  it("remember the checkout that the bank is silent about", () => {
    const { intents, reload } = fresh();
    intents.pending(intents.begin(rental), "chk_1");
    expect(reload().current(rental)?.checkoutId).toBe("chk_1");
  });

  it("survive a storage that holds something else", () => {
    const { intents, kept } = fresh();
    for (const broken of ["", "{", "null", "7", '{"key":1}']) {
      kept.set("tessera.intent", broken);
      expect(intents.current(rental)).toBeUndefined();
    }
  });
});
