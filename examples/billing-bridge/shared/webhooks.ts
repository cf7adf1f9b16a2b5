// Standard Webhooks 1.0: a message is signed as `id.timestamp.body`, with HMAC-SHA256.
import { createHmac, timingSafeEqual } from "node:crypto";

/** How far a message's time may be from ours. */
const TOLERANCE_SECONDS = 300;
const PREFIX = "whsec_";

function keyOf(secret: string): Buffer {
  const key = Buffer.from(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret, "base64");
  if (key.length < 24) throw new Error("a webhook secret is whsec_ and at least 24 bytes in base64");
  return key;
}

function signature(secret: string, id: string, seconds: string, body: string): string {
  return createHmac("sha256", keyOf(secret)).update(`${id}.${seconds}.${body}`).digest("base64");
}

/** The headers of a message that is sent now. */
export function signed(secret: string, id: string, now: Date, body: string): Record<string, string> {
  const seconds = String(Math.floor(now.getTime() / 1000));
  return {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": seconds,
    "webhook-signature": `v1,${signature(secret, id, seconds, body)}`,
  };
}

/** Whether `body` was signed with `secret`, lately. */
export function isSigned(
  secret: string,
  headers: Record<string, string | string[] | undefined>,
  now: Date,
  body: string,
): boolean {
  const header = (name: string) => (typeof headers[name] === "string" ? headers[name] : "");
  const [id, seconds] = [header("webhook-id"), header("webhook-timestamp")];
  const away = Math.abs(now.getTime() / 1000 - Number(seconds));
  if (!id || !/^[0-9]{1,12}$/.test(seconds) || away > TOLERANCE_SECONDS) return false;
  const ours = Buffer.from(signature(secret, id, seconds, body));
  const theirs = header("webhook-signature")
    .split(" ")
    .filter((each) => each.startsWith("v1,"))
    .map((each) => Buffer.from(each.slice(3)));
  return theirs.some((each) => each.length === ours.length && timingSafeEqual(each, ours));
}
