// One press of play: starts a session, loads it into the video element, holds its slot, and gives it up.
import { heartbeat, type Playback, startPlayback, stopPlayback } from "../api/client.ts";
import { ApiError, asApiError } from "../api/problem.ts";
import { deviceId, deviceName, randomName } from "../device.ts";
import { justBought } from "../just-bought.ts";
import { noteLeftOff } from "../left-off.ts";
import { forget } from "../query.ts";
import { startAt } from "../resume.ts";
import { Engine, type EngineEvents } from "./engine.ts";
import { Heartbeats } from "./heartbeats.ts";
import { type Trouble, troubleOf, troubleOfEnd } from "./trouble.ts";

/** Pauses before asking again, in milliseconds. */
const PAUSES = [500, 1000, 2000];

export interface Wanted {
  titleId: string;
  durationSeconds: number | null | undefined;
  /** The second to begin at; where the service says when absent. */
  fromSeconds: number | undefined;
}

export interface PressEvents extends Pick<EngineEvents, "onTracks" | "onBuffering"> {
  onPlaying: () => void;
  onTrouble: (trouble: Trouble) => void;
  onEnded: () => void;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Starts a session under one idempotency key, again when the answer is lost or a grant is still on its way. */
async function start(titleId: string, signal: AbortSignal): Promise<Playback> {
  const body = { title_id: titleId, device_id: deviceId(), device_name: deviceName(navigator.userAgent) };
  let key = randomName();
  for (let attempt = 0; ; attempt++) {
    try {
      return await startPlayback(body, key, signal);
    } catch (thrown) {
      const error = asApiError(thrown);
      const wait = PAUSES[attempt];
      const onItsWay = error.code === "not_entitled" && justBought(Date.now());
      const again = error.passing || error.code === "in_progress" || onItsWay;
      if (signal.aborted || !again || wait === undefined) throw error;
      if (onItsWay) key = randomName(); // a refusal is an answer: asking again is a new intent
      await pause(wait);
    }
  }
}

export class Press {
  readonly #video: HTMLVideoElement;
  readonly #wanted: Wanted;
  readonly #events: PressEvents;
  readonly #abort = new AbortController();
  #playback: Playback | undefined;
  #beats: Heartbeats | undefined;
  #engine: Engine | undefined;
  #failed = false;

  constructor(video: HTMLVideoElement, container: HTMLElement, wanted: Wanted, events: PressEvents) {
    this.#video = video;
    this.#wanted = wanted;
    this.#events = events;
    video.addEventListener("play", this.#hold);
    video.addEventListener("ended", this.#ended);
    document.addEventListener("visibilitychange", this.#seen);
    window.addEventListener("pagehide", this.#stop);
    this.#begin(container).catch((thrown: unknown) => this.#fail(troubleOf(asApiError(thrown))));
  }

  get engine(): Engine | undefined {
    return this.#engine;
  }

  /** Gives the slot up and takes the film off the element. */
  close(): void {
    this.#abort.abort();
    this.#stop();
    this.#video.removeEventListener("play", this.#hold);
    this.#video.removeEventListener("ended", this.#ended);
    document.removeEventListener("visibilitychange", this.#seen);
    window.removeEventListener("pagehide", this.#stop);
    void this.#engine?.destroy();
  }

  async #begin(container: HTMLElement): Promise<void> {
    if (!Engine.supported()) throw new ApiError({ status: 400, code: "player_unsupported", detail: "" });
    const playback = await start(this.#wanted.titleId, this.#abort.signal);
    this.#playback = playback;
    if (this.#abort.signal.aborted) return this.#stop();
    this.#beats = new Heartbeats({
      afterSeconds: playback.heartbeat_after_seconds,
      beat: (seconds, paused) => heartbeat(playback.session_id, seconds, paused),
      at: () => ({ positionSeconds: this.#position(), paused: this.#video.paused }),
      onEnd: (end) => this.#fail(troubleOfEnd(end)),
    });
    this.#beats.start();
    this.#engine = new Engine(container, { ...this.#events, onError: (error) => this.#fail(troubleOf(error)) });
    await this.#engine.load(this.#video, playback, this.#from(playback));
    if (this.#abort.signal.aborted || this.#failed) return;
    this.#events.onPlaying();
    await this.#video.play().catch(() => undefined); // a browser that wants a press first shows the play button
  }

  #from(playback: Playback): number {
    return this.#wanted.fromSeconds ?? startAt(playback.resume_position_seconds, this.#wanted.durationSeconds);
  }

  /** Before the first picture the element says 0, and the viewer is where the film is about to begin. */
  #position(): number {
    const loaded = this.#video.readyState > HTMLMediaElement.HAVE_NOTHING;
    return loaded || !this.#playback ? this.#video.currentTime : this.#from(this.#playback);
  }

  #fail(trouble: Trouble): void {
    if (this.#abort.signal.aborted || this.#failed) return;
    this.#failed = true;
    this.#video.pause();
    this.#events.onTrouble(trouble);
    this.#stop();
  }

  /** Says once that the session is over. */
  readonly #stop = (): void => {
    this.#beats?.stop();
    const playback = this.#playback;
    if (!playback) return;
    const seconds = Math.floor(this.#position());
    this.#playback = undefined;
    stopPlayback(playback.session_id, seconds).catch(() => undefined); // the slot frees itself when it runs out
    noteLeftOff({ titleId: this.#wanted.titleId, seconds, at: Date.now() });
    forget("progress:");
  };

  /** A media key could start what has to stand still. */
  readonly #hold = (): void => {
    if (this.#failed) this.#video.pause();
  };

  readonly #ended = (): void => {
    this.#events.onEnded();
    this.#stop();
  };

  readonly #seen = (): void => {
    if (document.visibilityState === "visible") this.#beats?.beatNow();
  };
}
