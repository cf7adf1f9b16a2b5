// Errors as the contract has them: RFC 9457, with a code.
import type { Answer } from "../shared/server.ts";

/** A refusal: its status, its code, words for a person, and the field at fault where one is. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly param: string | undefined;

  constructor(status: number, code: string, detail: string, param?: string) {
    super(detail);
    this.status = status;
    this.code = code;
    this.param = param;
  }

  answer(requestId: string): Answer {
    const { status, code, message: detail, param } = this;
    const body = { type: `urn:tessera:problem:${code}`, title: code.replaceAll("_", " "), status, detail, code };
    const headers: Record<string, string> = { "content-type": "application/problem+json", "x-request-id": requestId };
    if (status === 503) headers["retry-after"] = "2";
    return { status, body: { ...body, ...(param && { param }), request_id: requestId }, headers };
  }
}

export const invalid = (param: string, detail: string) => new Problem(400, "invalid_request", detail, param);
