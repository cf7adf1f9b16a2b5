// Shaka Player behind the few things our player page asks for.
import shaka from "shaka-player/dist/shaka-player.compiled-es2021.js";
import type { Playback } from "../api/client.ts";
import { ApiError } from "../api/problem.ts";

export interface Rendition {
  height: number;
}

export interface Language {
  /** BCP 47 tag; empty where the film does not say. */
  tag: string;
  active: boolean;
}

export interface Tracks {
  /** Languages of the sound, in the order of the manifest. */
  languages: Language[];
  /** Picture heights to choose from, tallest first. */
  renditions: Rendition[];
  /** Of the picture that is shown now. */
  height: number | undefined;
  /** The one that was chosen by hand; none when the player chooses. */
  chosen: number | undefined;
  /** Whether there are captions, and whether they show. */
  captions: "none" | "off" | "on";
}

export interface EngineEvents {
  onTracks: (tracks: Tracks) => void;
  onBuffering: (buffering: boolean) => void;
  onError: (error: ApiError) => void;
}

/** A bad request in Shaka's own numbering (`shaka.util.Error.Code`). */
const BAD_HTTP_STATUS = 1001;
const LICENSE_REQUEST_FAILED = 6007;

interface ShakaError {
  code: number;
  data: unknown[];
}

const isShakaError = (value: unknown): value is ShakaError =>
  typeof (value as Partial<ShakaError> | null)?.code === "number" && Array.isArray((value as Partial<ShakaError>).data);

/** What Shaka says, as an error that can be shown: a licence server's problem in its own words, else a number. */
export function errorFrom(thrown: unknown): ApiError {
  if (!isShakaError(thrown)) return new ApiError({ status: 400, code: "player_unknown", detail: "" });
  const [cause] = thrown.code === LICENSE_REQUEST_FAILED ? thrown.data : [thrown];
  if (isShakaError(cause) && cause.code === BAD_HTTP_STATUS && thrown.code === LICENSE_REQUEST_FAILED) {
    const [, status, body] = cause.data;
    try {
      const problem = JSON.parse(String(body)) as { code?: string; detail?: string };
      if (problem.code)
        return new ApiError({ status: Number(status), code: problem.code, detail: problem.detail ?? "" });
    } catch {
      // no problem document: the number below says enough
    }
  }
  return new ApiError({ status: 400, code: `player_${thrown.code}`, detail: "" });
}

export class Engine {
  readonly #player: shaka.Player;
  readonly #events: EngineEvents;
  #chosen: number | undefined;
  #captions = false;
  #destroyed = false;

  static supported(): boolean {
    shaka.polyfill.installAll();
    return shaka.Player.isBrowserSupported();
  }

  constructor(container: HTMLElement, events: EngineEvents) {
    this.#events = events;
    this.#player = new shaka.Player();
    this.#player.setVideoContainer(container);
    this.#player.configure({
      streaming: { bufferingGoal: 30, rebufferingGoal: 1, retryParameters: { maxAttempts: 5, baseDelay: 500 } },
      manifest: { retryParameters: { maxAttempts: 3 } },
      // A session's signed sources are tried in order by `load`.
      drm: { retryParameters: { maxAttempts: 3 } },
    });
    const tracks = () => this.#tellTracks();
    for (const name of ["trackschanged", "adaptation", "variantchanged", "textchanged"]) {
      this.#player.addEventListener(name, tracks);
    }
    this.#player.addEventListener("buffering", () => this.#events.onBuffering(this.#player.isBuffering()));
    this.#player.addEventListener("error", (event) => {
      const { detail } = event as unknown as { detail: unknown };
      if (!this.#destroyed) this.#events.onError(errorFrom(detail));
    });
  }

  /** Loads the first source that works: its DASH manifest, else its HLS one, then the next source's. */
  async load(video: HTMLVideoElement, playback: Playback, startSeconds: number): Promise<void> {
    await this.#player.attach(video);
    this.#protect(playback);
    const urls = playback.sources.flatMap((source) => [source.dash_url, source.hls_url]);
    let last: unknown;
    for (const url of urls) {
      if (this.#destroyed) return;
      try {
        await this.#player.load(new URL(url, location.href).href, startSeconds);
        this.#tellTracks();
        return;
      } catch (error) {
        last = error;
        // A refused licence is refused whatever the manifest.
        if (isShakaError(error) && error.code === LICENSE_REQUEST_FAILED) break;
      }
    }
    if (!this.#destroyed) throw errorFrom(last);
  }

  #protect(playback: Playback): void {
    const { licence } = playback;
    if (!licence) return;
    const servers = licence.servers.map(
      ({ key_system, url }) => [key_system, new URL(url, location.href).href] as const,
    );
    this.#player.configure({ drm: { servers: Object.fromEntries(servers) } });
    this.#player.getNetworkingEngine()?.registerRequestFilter((type, request) => {
      if (type === shaka.net.NetworkingEngine.RequestType.LICENSE) {
        request.headers["Authorization"] = `Bearer ${licence.token}`;
        request.headers["Content-Type"] ??= "application/json";
      }
    });
  }

  chooseHeight(height: number | undefined): void {
    this.#chosen = height;
    this.#player.configure({ abr: { enabled: height === undefined } });
    const track = this.#player.getVideoTracks().find((each) => shortSide(each) === height);
    if (height !== undefined && track) this.#player.selectVideoTrack(track, true, 4);
    this.#tellTracks();
  }

  /** Goes over to the sound in this language, as many channels as before where there is a choice. */
  chooseLanguage(tag: string): void {
    const tracks = this.#player.getAudioTracks();
    const now = tracks.find(({ active }) => active)?.channelsCount;
    const inIt = tracks.filter((track) => tagOf(track) === tag);
    const track = inIt.find(({ channelsCount }) => channelsCount === now) ?? inIt[0];
    if (track) this.#player.selectAudioTrack(track);
    this.#tellTracks();
  }

  showCaptions(shown: boolean): void {
    this.#captions = shown;
    const [first] = this.#player.getTextTracks();
    this.#player.selectTextTrack(shown ? (first ?? null) : null);
    this.#tellTracks();
  }

  async destroy(): Promise<void> {
    this.#destroyed = true;
    await this.#player.destroy();
  }

  #tellTracks(): void {
    if (this.#destroyed) return;
    const videos = this.#player.getVideoTracks();
    const heights = [...new Set(videos.map(shortSide))].filter((height): height is number => Boolean(height));
    const languages = new Map<string, boolean>();
    for (const track of this.#player.getAudioTracks()) {
      languages.set(tagOf(track), track.active || languages.get(tagOf(track)) === true);
    }
    const captions = this.#player.getTextTracks().length === 0 ? "none" : this.#captions ? "on" : "off";
    this.#events.onTracks({
      languages: [...languages].map(([tag, active]) => ({ tag, active })),
      renditions: heights.sort((a, b) => b - a).map((height) => ({ height })),
      height: shortSide(videos.find(({ active }) => active)),
      chosen: this.#chosen,
      captions,
    });
  }
}

/** Shaka says `und` where a manifest says nothing. */
const tagOf = ({ language }: { language: string }): string => (language === "und" ? "" : language);

/** What people call `720p`: the shorter side, for portrait video too. */
function shortSide(track: { width: number | null; height: number | null } | undefined): number | undefined {
  if (!track?.height) return undefined;
  return track.width ? Math.min(track.width, track.height) : track.height;
}
