// Shaka Player behind the few things our player page asks for.
import shaka from "shaka-player/dist/shaka-player.compiled-es2021.js";
import type { Playback } from "../api/client.ts";
import { ApiError } from "../api/problem.ts";
import { choices, first, remember, remembered, shown, type TextTrack, type Wish } from "./subtitles.ts";

export interface Rendition {
  height: number;
}

export interface Language {
  /** BCP 47 tag; empty where the film does not say. */
  tag: string;
  active: boolean;
}

export interface Subtitles extends TextTrack {
  active: boolean;
}

/** A picture of the film at a moment: a part of a larger one. */
export interface Thumbnail {
  uri: string;
  /** Its size and place in the larger picture, in pixels. */
  width: number;
  height: number;
  x: number;
  y: number;
  /** The larger picture. */
  of: { width: number; height: number };
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
  /** Subtitles to choose from, in the order of the manifest. */
  subtitles: Subtitles[];
}

export interface EngineEvents {
  onTracks: (tracks: Tracks) => void;
  onBuffering: (buffering: boolean) => void;
  onError: (error: ApiError) => void;
}

/** A bad request in Shaka's own numbering (`shaka.util.Error.Code`). */
const BAD_HTTP_STATUS = 1001;
const LICENSE_REQUEST_FAILED = 6007;

/** The role of captions in DASH, and the characteristic that says it in HLS. */
const CAPTIONS = ["caption", "public.accessibility.transcribes-spoken-dialog"];

interface ShakaError {
  code: number;
  data: unknown[];
}

const isShakaError = (value: unknown): value is ShakaError =>
  typeof (value as Partial<ShakaError> | null)?.code === "number" && Array.isArray((value as Partial<ShakaError>).data);

/** What the licence server refused: a licence, or the bare key that an HLS playlist names. */
function refusal(thrown: ShakaError): ShakaError | undefined {
  const [cause] = thrown.code === LICENSE_REQUEST_FAILED ? thrown.data : [thrown];
  if (!isShakaError(cause) || cause.code !== BAD_HTTP_STATUS) return undefined;
  return thrown !== cause || cause.data[4] === shaka.net.NetworkingEngine.RequestType.KEY ? cause : undefined;
}

/** What Shaka says, as an error that can be shown: a licence server's problem in its own words, else a number. */
export function errorFrom(thrown: unknown): ApiError {
  if (!isShakaError(thrown)) return new ApiError({ status: 400, code: "player_unknown", detail: "" });
  const refused = refusal(thrown);
  if (refused) {
    const [, status, body] = refused.data;
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
  #wish: Wish | undefined = remembered();
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
        this.#showText();
        this.#tellTracks();
        return;
      } catch (error) {
        last = error;
        // A refused licence is refused whatever the manifest.
        if (isShakaError(error) && (error.code === LICENSE_REQUEST_FAILED || refusal(error))) break;
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
    const { LICENSE, KEY } = shaka.net.NetworkingEngine.RequestType;
    // HLS playlists name bare keys below the licence server's address; one that is elsewhere is not told the token.
    const ours = (uri: string) => servers.some(([, url]) => uri.startsWith(`${url}/`));
    this.#player.getNetworkingEngine()?.registerRequestFilter((type, request) => {
      if (type === LICENSE) request.headers["Content-Type"] ??= "application/json";
      if (type === LICENSE || (type === KEY && request.uris.every(ours))) {
        request.headers["Authorization"] = `Bearer ${licence.token}`;
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
    this.#showText(tag);
    this.#tellTracks();
  }

  /** Shows subtitles, or none but those that have to be read; this browser remembers it. */
  chooseSubtitles(id: number | undefined): void {
    const chosen = this.#texts().find((track) => track.id === id);
    if (chosen) this.#wish = { on: true, tag: chosen.tag, captions: chosen.captions };
    else if (this.#wish) this.#wish = { ...this.#wish, on: false };
    if (this.#wish) remember(this.#wish);
    this.#showText();
    this.#tellTracks();
  }

  /** Turns subtitles off, or on as they were last. */
  toggleSubtitles(): void {
    const texts = this.#texts();
    const on = choices(texts).some(({ active }) => active);
    this.chooseSubtitles(on ? undefined : first(texts, this.#wish, navigator.languages)?.id);
  }

  /** What the film shows at a moment, where the manifest has thumbnails. */
  async thumbnailAt(seconds: number): Promise<Thumbnail | undefined> {
    const [track] = this.#player.getImageTracks();
    if (!track || this.#destroyed) return undefined;
    const found = await this.#player.getThumbnails(track.id, seconds).catch(() => null);
    const uri = found?.uris[0];
    if (!found || !uri) return undefined;
    const { width, height, positionX: x, positionY: y, imageWidth, imageHeight } = found;
    return { uri, width, height, x, y, of: { width: imageWidth, height: imageHeight } };
  }

  #texts(): Subtitles[] {
    return this.#player.getTextTracks().map((track) => ({
      id: track.id,
      tag: tagOf(track),
      captions: track.roles.some((role) => CAPTIONS.includes(role)),
      forced: track.forced,
      active: track.active,
    }));
  }

  /** Shows what is wished, with the sound in this language. */
  #showText(sound = tagOf(this.#player.getAudioTracks().find(({ active }) => active) ?? { language: "und" })): void {
    const wanted = shown(this.#texts(), this.#wish, sound);
    const track = this.#player.getTextTracks().find(({ id }) => id === wanted?.id);
    if (track?.active || (!track && !this.#texts().some(({ active }) => active))) return;
    this.#player.selectTextTrack(track ?? null);
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
    this.#events.onTracks({
      languages: [...languages].map(([tag, active]) => ({ tag, active })),
      renditions: heights.sort((a, b) => b - a).map((height) => ({ height })),
      height: shortSide(videos.find(({ active }) => active)),
      chosen: this.#chosen,
      subtitles: choices(this.#texts()),
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
