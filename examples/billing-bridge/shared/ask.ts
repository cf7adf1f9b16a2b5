// Asking over HTTP: one request with a limit of time, and an answer in JSON.
import { type IncomingMessage, request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import { type Fields, parsed } from "./fields.ts";

/** No answer that says what happened: not reached, too late, or a failure over there. What was asked may have been done. */
export class Away extends Error {
  readonly retryAfterSeconds: number | undefined;

  constructor(what: string, options: { cause?: unknown; retryAfterSeconds?: number | undefined } = {}) {
    super(what, { cause: options.cause });
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** A clear no: nothing was done. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

export interface Asked {
  method: string;
  url: string;
  key: string;
  /** The `Host` to send, where names do not resolve. */
  host?: string | undefined;
  body?: Fields;
  idempotencyKey?: string;
}

const PATIENCE_MS = 10_000;
const LARGEST_ANSWER = 8 * 1024 * 1024;

/** Sends a request and reads the answer whole. `fetch` has no say over `Host`. */
function exchange(url: URL, method: string, headers: Record<string, string>, body: string | undefined) {
  return new Promise<{ message: IncomingMessage; text: string }>((answered, failed) => {
    const send = url.protocol === "https:" ? overHttps : overHttp;
    const request = send(url, { method, headers, signal: AbortSignal.timeout(PATIENCE_MS) }, (message) => {
      const pieces: Buffer[] = [];
      let length = 0;
      message.on("data", (piece: Buffer) => {
        length += piece.length;
        if (length > LARGEST_ANSWER) message.destroy(new Error("the answer is too large"));
        else pieces.push(piece);
      });
      message.on("error", failed);
      message.on("end", () => answered({ message, text: Buffer.concat(pieces).toString("utf8") }));
    });
    request.on("error", failed);
    request.end(body);
  });
}

/** The answer to a request with a bearer credential. Throws {@link Away} or {@link Refused}. */
export async function ask({ method, url, key, host, body, idempotencyKey }: Asked): Promise<Fields> {
  const headers: Record<string, string> = { authorization: `Bearer ${key}`, accept: "application/json" };
  if (host) headers["host"] = host;
  if (idempotencyKey) headers["idempotency-key"] = idempotencyKey;
  const sent = body && JSON.stringify(body);
  if (sent !== undefined) {
    headers["content-type"] = "application/json";
    headers["content-length"] = String(Buffer.byteLength(sent));
  }
  const to = new URL(url);
  const what = `${method} ${to.pathname}`;
  const { message, text } = await exchange(to, method, headers, sent).catch((cause: unknown) => {
    throw new Away(`${to.origin} does not answer ${what}`, { cause });
  });
  const status = message.statusCode ?? 0;
  if (status >= 500 || status === 429 || status === 408) {
    const wait = Number(message.headers["retry-after"] ?? Number.NaN);
    const retryAfterSeconds = Number.isFinite(wait) ? wait : undefined;
    throw new Away(`${to.origin} answered ${what} with ${status}`, { retryAfterSeconds });
  }
  let fields: Fields;
  try {
    fields = parsed(text);
  } catch (cause) {
    throw new Away(`${to.origin} answered ${what} with ${status} and no JSON`, { cause });
  }
  if (status >= 200 && status < 300) return fields;
  const said = (name: string) => (typeof fields[name] === "string" ? fields[name] : "");
  throw new Refused(status, said("code"), said("detail") || `${what} was answered with ${status}`);
}
