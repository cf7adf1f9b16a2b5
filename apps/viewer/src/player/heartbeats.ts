// Holds the stream slot while a film plays: beats when the service asks for it, tries again when a beat gets lost, and
// says when playing has to end.
import type { Beat } from "../api/client.ts";
import { type ApiError, asApiError } from "../api/problem.ts";

export type End =
  /** The service refused: the slot is gone, or what was bought has run out. */
  | { why: "refused"; error: ApiError }
  /** No beat got through for so long that the slot is certainly gone. */
  | { why: "connection" };

export interface HeartbeatOptions {
  afterSeconds: number;
  beat: (positionSeconds: number, paused: boolean) => Promise<Beat>;
  /** Where the player is, at the moment of the beat. */
  at: () => { positionSeconds: number; paused: boolean };
  onEnd: (end: End) => void;
}

/** Pause before trying again after a lost beat, doubled each time. */
const FIRST_RETRY_SECONDS = 1;
/** After so many intervals without an answer the slot is taken as lost. */
const PATIENCE = 3;

export class Heartbeats {
  readonly #options: HeartbeatOptions;
  #afterSeconds: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lostForSeconds = 0;
  #retrySeconds = FIRST_RETRY_SECONDS;
  #running = false;
  #inFlight = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#afterSeconds = options.afterSeconds;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#schedule(this.#afterSeconds);
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  /** Beats at once: the page is back in the foreground, where timers run on time again. */
  beatNow(): void {
    if (!this.#running || this.#inFlight) return;
    clearTimeout(this.#timer);
    void this.#beat();
  }

  #schedule(seconds: number): void {
    clearTimeout(this.#timer);
    if (this.#running) this.#timer = setTimeout(() => void this.#beat(), seconds * 1000);
  }

  async #beat(): Promise<void> {
    const { positionSeconds, paused } = this.#options.at();
    this.#inFlight = true;
    try {
      const answer = await this.#options.beat(Math.max(0, Math.floor(positionSeconds)), paused);
      this.#afterSeconds = Math.max(1, answer.heartbeat_after_seconds);
      this.#lostForSeconds = 0;
      this.#retrySeconds = FIRST_RETRY_SECONDS;
      this.#schedule(this.#afterSeconds);
    } catch (thrown) {
      this.#failed(asApiError(thrown));
    } finally {
      this.#inFlight = false;
    }
  }

  #failed(error: ApiError): void {
    if (!this.#running) return;
    if (!error.passing) {
      this.#end({ why: "refused", error });
      return;
    }
    if (this.#lostForSeconds >= this.#afterSeconds * PATIENCE) {
      this.#end({ why: "connection" });
      return;
    }
    const wait = Math.min(error.retryAfterSeconds ?? this.#retrySeconds, this.#afterSeconds);
    this.#lostForSeconds += wait;
    this.#retrySeconds *= 2;
    this.#schedule(wait);
  }

  #end(end: End): void {
    this.stop();
    this.#options.onEnd(end);
  }
}
