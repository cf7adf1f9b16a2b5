import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Beat } from "../api/client.ts";
import { ApiError } from "../api/problem.ts";
import { type End, Heartbeats } from "./heartbeats.ts";

const seconds = (n: number) => vi.advanceTimersByTimeAsync(n * 1000);
const lost = () => new ApiError({ status: 0, code: "network", detail: "" });
const answer = (after: number): Beat => ({ heartbeat_after_seconds: after, lease_expires_at: "2026-01-01T00:00:00Z" });

function begin(beat: (positionSeconds: number, paused: boolean) => Promise<Beat>) {
  const ends: End[] = [];
  const beats = new Heartbeats({
    afterSeconds: 30,
    beat,
    at: () => ({ positionSeconds: 61.9, paused: false }),
    onEnd: (end) => ends.push(end),
  });
  beats.start();
  return { beats, ends };
}

describe("heartbeats", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("beats when the service asks for it, with whole seconds, and follows a new interval", async () => {
    const beat = vi.fn(async () => answer(10));
    begin(beat);
    await seconds(29);
    expect(beat).not.toHaveBeenCalled();
    await seconds(1);
    expect(beat).toHaveBeenLastCalledWith(61, false);
    await seconds(10);
    expect(beat).toHaveBeenCalledTimes(2);
  });

  it("tries a lost beat again soon, and goes on as before once one gets through", async () => {
    const beat = vi.fn(async () => answer(30));
    beat.mockRejectedValueOnce(lost()).mockRejectedValueOnce(lost());
    const { ends } = begin(beat);
    await seconds(30 + 1 + 2);
    expect(beat).toHaveBeenCalledTimes(3);
    await seconds(29);
    expect(beat).toHaveBeenCalledTimes(3);
    await seconds(1);
    expect(beat).toHaveBeenCalledTimes(4);
    expect(ends).toEqual([]);
  });

  it("gives up when nothing got through for three intervals", async () => {
    const { ends } = begin(vi.fn(() => Promise.reject(lost())));
    await seconds(30 + 60);
    expect(ends).toEqual([]);
    await seconds(120);
    expect(ends).toEqual([{ why: "connection" }]);
  });

  it.each(["lease_lost", "stream_limit_reached", "grant_ended", "grant_revoked"])(
    "ends at once on %s",
    async (code) => {
      const error = new ApiError({ status: 409, code, detail: "all 2 streams are in use" });
      const beat = vi.fn(() => Promise.reject(error));
      const { ends } = begin(beat);
      await seconds(300);
      expect(ends).toEqual([{ why: "refused", error }]);
      expect(beat).toHaveBeenCalledTimes(1);
    },
  );

  it("waits as long as a busy service asks", async () => {
    const beat = vi.fn(async () => answer(30));
    beat.mockRejectedValueOnce(new ApiError({ status: 429, code: "rate_limited", detail: "", retryAfterSeconds: 7 }));
    begin(beat);
    await seconds(30 + 6);
    expect(beat).toHaveBeenCalledTimes(1);
    await seconds(1);
    expect(beat).toHaveBeenCalledTimes(2);
  });

  it("says nothing after it was stopped, even when a beat was on its way", async () => {
    let refuse: (error: ApiError) => void = () => undefined;
    const { beats, ends } = begin(() => new Promise<Beat>((_, reject) => (refuse = reject)));
    await seconds(30);
    beats.stop();
    refuse(new ApiError({ status: 409, code: "lease_lost", detail: "" }));
    await seconds(300);
    expect(ends).toEqual([]);
  });

  it("beats once when the page comes back to the foreground", async () => {
    const beat = vi.fn(async () => answer(30));
    const { beats } = begin(beat);
    await seconds(10);
    beats.beatNow();
    beats.beatNow();
    await seconds(0);
    expect(beat).toHaveBeenCalledTimes(1);
    await seconds(29);
    expect(beat).toHaveBeenCalledTimes(1);
  });
});
