// What went wrong with a call, as something to show and to branch on.
import type { components } from "./generated/playback.ts";

export type Problem = components["schemas"]["Problem"];

/** Codes of our own, for answers that are no problem document. */
export type LocalCode = "network" | "unreadable";

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly param: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(from: {
    status: number;
    code: string;
    detail: string;
    param?: string | undefined;
    requestId?: string | undefined;
    retryAfterSeconds?: number | undefined;
  }) {
    super(from.detail);
    this.status = from.status;
    this.code = from.code;
    this.param = from.param;
    this.requestId = from.requestId;
    this.retryAfterSeconds = from.retryAfterSeconds;
  }

  /** The request never got an answer, or the server could not give one now: the same request may work later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

function isProblem(value: unknown): value is Problem {
  const problem = value as Partial<Problem> | null;
  return typeof problem?.code === "string" && typeof problem.detail === "string";
}

/** The error that an answer other than success stands for. */
export async function errorOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  const wait = Number(response.headers.get("retry-after") ?? Number.NaN);
  const common = { status: response.status, retryAfterSeconds: Number.isFinite(wait) ? wait : undefined };
  if (!isProblem(body)) return new ApiError({ ...common, code: "unreadable", detail: "" });
  const param = body.param ?? undefined;
  return new ApiError({ ...common, code: body.code, detail: body.detail, param, requestId: body.request_id });
}

/** Whatever was thrown, as an error that can be shown. */
export function asApiError(thrown: unknown): ApiError {
  return thrown instanceof ApiError ? thrown : new ApiError({ status: 0, code: "network", detail: "" });
}
