// HTTP, as both programs serve it: a request read whole, within limits, and one answer.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const LARGEST_BODY = 64 * 1024;
const LONGEST_MS = 30_000;

/** A request, whole. */
export interface Call {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage["headers"];
  body: string;
}

/** What is answered; a body is JSON. */
export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > LARGEST_BODY) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  const sent = body === undefined ? "" : JSON.stringify(body);
  const type = body === undefined ? {} : { "content-type": "application/json" };
  response.writeHead(status, { ...type, "content-length": Buffer.byteLength(sent), ...headers });
  response.end(sent);
}

async function answer(request: IncomingMessage, response: ServerResponse, handle: (call: Call) => Promise<Answer>) {
  const body = await bodyOf(request);
  if (body === undefined) {
    send(response, { status: 413, headers: { connection: "close" } });
    request.destroy();
    return;
  }
  const url = new URL(request.url ?? "/", "http://here");
  const { method = "GET", headers } = request;
  send(response, await handle({ method, path: url.pathname, query: url.searchParams, headers, body }));
}

/** Serves until the process ends; answers with the address. `handle` has an answer for everything. */
export async function serve(host: string, port: number, handle: (call: Call) => Promise<Answer>): Promise<string> {
  const server = createServer({ requestTimeout: LONGEST_MS }, (request, response) => {
    answer(request, response, handle).catch((error: unknown) => {
      console.error(`${request.method} ${request.url}:`, error);
      if (!response.headersSent) send(response, { status: 500 });
    });
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", failed);
    server.listen(port, host, listening);
  });
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}

/** The path's parameters where it fits a template such as `/v1/subscriptions/{id}`. */
export function match(template: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [template.split("/"), path.split("/")];
  if (wanted.length !== given.length) return undefined;
  const found: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const there = given[index] ?? "";
    if (part.startsWith("{")) {
      try {
        found[part.slice(1, -1)] = decodeURIComponent(there);
      } catch {
        return undefined;
      }
    } else if (part !== there) return undefined;
  }
  return found;
}
