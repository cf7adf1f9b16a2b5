import assert from "node:assert/strict";
import { test } from "node:test";
import { isSigned, signed } from "./webhooks.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

test("a message is signed as the specification's example is", () => {
  const body = '{"test": 2432232314}';
  const headers = signed(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", new Date(1_614_265_330_000), body);
  assert.equal(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
});

test("a message that was changed, or is old, or of another, is no message", () => {
  const now = new Date(1_800_000_000_000);
  const headers = signed(SECRET, "msg_1", now, "{}");
  assert.ok(isSigned(SECRET, headers, now, "{}"));
  const two = { ...headers, "webhook-signature": `v1,AAAA ${headers["webhook-signature"]}` };
  assert.ok(isSigned(SECRET, two, now, "{}"), "one of several signatures is enough");
  assert.ok(!isSigned(SECRET, headers, now, "{ }"));
  assert.ok(!isSigned(SECRET, { ...headers, "webhook-id": "msg_2" }, now, "{}"));
  assert.ok(!isSigned(SECRET, headers, new Date(now.getTime() + 301_000), "{}"));
  assert.ok(!isSigned(`whsec_${Buffer.alloc(24).toString("base64")}`, headers, now, "{}"));
  assert.ok(!isSigned(SECRET, {}, now, "{}"));
});
