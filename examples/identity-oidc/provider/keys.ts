// The provider's signing key, made at the first start. Taking the file away makes another at the next one.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

export interface Keys {
  keys: Record<string, unknown>[];
}

export function keysIn(file: string): Keys {
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Keys;
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = privateKey.export({ format: "jwk" });
  const keys = { keys: [{ ...jwk, kid: randomBytes(8).toString("hex"), use: "sig", alg: "RS256" }] };
  writeFileSync(file, JSON.stringify(keys), { mode: 0o600 });
  return keys;
}
