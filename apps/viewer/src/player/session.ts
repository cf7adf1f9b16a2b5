// One press of play: start, load, beat, stop.
import { useCallback, useEffect, useRef, useState, type RefObject } from "react";
import { heartbeat, startPlayback, stopPlayback, type Playback } from "../api/client.ts";
import { ApiError, asApiError } from "../api/problem.ts";
import { deviceId, deviceName, randomName } from "../device.ts";
import { forget } from "../query.ts";
import { startAt } from "../resume.ts";
import { Engine, type Tracks } from "./engine.ts";
import { Heartbeats } from "./heartbeats.ts";
import { type Trouble, troubleOf, troubleOfEnd } from "./trouble.ts";

/** A grant that was just bought may still be on its way to whoever decides. */
const GRANT_PAUSES = [500, 1000, 2000];

export type Phase = "loading" | "playing" | "ended";

interface Wanted {
  titleId: string;
  durationSeconds: number | null | undefined;
  fromStart: boolean;
}

interface Running {
  playback: Playback;
  engine: Engine;
  beats: Heartbeats;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Starts a session under one idempotency key, again when the answer is lost or the grant is not there yet. */
async function start(titleId: string, key: () => string, signal: AbortSignal): Promise<Playback> {
  const body = { title_id: titleId, device_id: deviceId(), device_name: deviceName(navigator.userAgent) };
  let idempotencyKey = key();
  for (let attempt = 0; ; attempt++) {
    try {
      return await startPlayback(body, idempotencyKey, signal);
    } catch (thrown) {
      const error = asApiError(thrown);
      const wait = GRANT_PAUSES[attempt];
      const again = error.passing || error.code === "in_progress" || error.code === "not_entitled";
      if (signal.aborted || !again || wait === undefined) throw error;
      if (error.code === "not_entitled") idempotencyKey = key(); // a refusal is an answer: asking again is a new intent
      await pause(wait);
    }
  }
}

export interface Session {
  phase: Phase;
  trouble: Trouble | undefined;
  tracks: Tracks | undefined;
  buffering: boolean;
  /** Again from where it stopped, as a new session. */
  restart: (fromStart?: boolean) => void;
  chooseHeight: (height: number | undefined) => void;
  showCaptions: (shown: boolean) => void;
}

export function usePlaybackSession(
  video: RefObject<HTMLVideoElement | null>,
  container: RefObject<HTMLElement | null>,
  wanted: Wanted | undefined,
): Session {
  const [phase, setPhase] = useState<Phase>("loading");
  const [trouble, setTrouble] = useState<Trouble>();
  const [tracks, setTracks] = useState<Tracks>();
  const [buffering, setBuffering] = useState(false);
  const [round, setRound] = useState(0);
  const running = useRef<Running>(undefined);
  /** Where to go on; unset means where the service says. */
  const goOnAt = useRef<number>(undefined);
  const titleId = wanted?.titleId;
  const fromStart = wanted?.fromStart ?? false;
  const duration = wanted?.durationSeconds;

  useEffect(() => {
    const element = video.current;
    const box = container.current;
    if (!element || !box || titleId === undefined) return;
    const abort = new AbortController();
    const at = () => ({ positionSeconds: element.currentTime, paused: element.paused });
    let engine: Engine | undefined;
    let beats: Heartbeats | undefined;
    let playback: Playback | undefined;
    let stopped = false;
    let failed = false;

    const stop = () => {
      beats?.stop();
      if (!playback || stopped) return;
      stopped = true;
      const seconds = Math.floor(element.currentTime || goOnAt.current || playback.resume_position_seconds);
      stopPlayback(playback.session_id, seconds).catch(() => undefined); // the slot frees itself when it runs out
      forget("progress:");
    };
    const fail = (found: Trouble) => {
      if (abort.signal.aborted || failed) return;
      failed = true;
      element.pause();
      goOnAt.current = element.currentTime || goOnAt.current;
      setTrouble(found);
      stop();
    };
    const begin = async () => {
      if (!Engine.supported()) throw new ApiError({ status: 400, code: "player_unsupported", detail: "" });
      playback = await start(titleId, randomName, abort.signal);
      if (abort.signal.aborted) return stop();
      beats = new Heartbeats({
        afterSeconds: playback.heartbeat_after_seconds,
        beat: (seconds, paused) => heartbeat(playback?.session_id ?? "", seconds, paused),
        at,
        onEnd: (end) => fail(troubleOfEnd(end)),
      });
      beats.start();
      engine = new Engine(box, {
        onTracks: setTracks,
        onBuffering: setBuffering,
        onError: (error) => fail(troubleOf(error)),
      });
      running.current = { playback, engine, beats };
      const resume = fromStart ? 0 : startAt(playback.resume_position_seconds, duration);
      await engine.load(element, playback, goOnAt.current ?? resume);
      if (abort.signal.aborted) return;
      setPhase("playing");
      await element.play().catch(() => undefined); // a browser that wants a press first shows the play button
    };
    const ended = () => {
      setPhase("ended");
      stop();
    };
    const seen = () => document.visibilityState === "visible" && beats?.beatNow();
    // A page that is kept for going back has given its slot up.
    const shown = (event: PageTransitionEvent) => event.persisted && setRound((n) => n + 1);

    setPhase("loading");
    setTrouble(undefined);
    begin().catch((thrown: unknown) => fail(troubleOf(asApiError(thrown))));
    // A media key could start what has to stand still.
    const hold = () => failed && element.pause();
    element.addEventListener("play", hold);
    element.addEventListener("ended", ended);
    document.addEventListener("visibilitychange", seen);
    window.addEventListener("pagehide", stop);
    window.addEventListener("pageshow", shown);
    return () => {
      abort.abort();
      stop();
      element.removeEventListener("play", hold);
      element.removeEventListener("ended", ended);
      document.removeEventListener("visibilitychange", seen);
      window.removeEventListener("pagehide", stop);
      window.removeEventListener("pageshow", shown);
      void engine?.destroy();
      running.current = undefined;
    };
    // `round` starts it again; a length that becomes known later does not.
    // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  }, [titleId, fromStart, round, video, container]);

  const restart = useCallback((anew = false) => {
    if (anew) goOnAt.current = 0;
    setRound((n) => n + 1);
  }, []);
  const chooseHeight = useCallback((height: number | undefined) => running.current?.engine.chooseHeight(height), []);
  const showCaptions = useCallback((on: boolean) => running.current?.engine.showCaptions(on), []);
  return { phase, trouble, tracks, buffering, restart, chooseHeight, showCaptions };
}
