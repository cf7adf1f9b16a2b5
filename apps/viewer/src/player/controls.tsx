// The player's own controls: named, reachable by keyboard, out of the way while the film runs.
import { type RefObject, useEffect, useId, useRef, useState } from "react";
import { clock, languageName } from "../format.ts";
import { strings } from "../strings.ts";
import { Icon, type IconName } from "../ui/icons.tsx";
import type { Language, Subtitles, Thumbnail, Tracks } from "./engine.ts";
import type { MediaState } from "./media.ts";
import { SeekBar } from "./seek-bar.tsx";

const text = strings.player;

interface ButtonProps {
  icon: IconName;
  label: string;
  className?: string;
  pressed?: boolean;
  onPress: () => void;
}

export function ControlButton({ icon, label, className = "", pressed, onPress }: ButtonProps) {
  return (
    <button
      type="button"
      className={`control ${className}`}
      aria-label={label}
      title={label}
      {...(pressed === undefined ? {} : { "aria-pressed": pressed })}
      onClick={onPress}
    >
      <Icon name={icon} />
    </button>
  );
}

function Volume({ media, video }: { media: MediaState; video: RefObject<HTMLVideoElement | null> }) {
  const silent = media.muted || media.volume === 0;
  const level = silent ? 0 : media.volume;
  return (
    <div className="volume">
      <ControlButton
        icon={silent ? "muted" : "volume"}
        label={silent ? text.unmute : text.mute}
        onPress={() => toggleMute(video.current)}
      />
      <input
        type="range"
        min={0}
        max={1}
        step={0.05}
        value={level}
        data-keys="volume"
        aria-label={text.volume}
        aria-valuetext={`${Math.round(level * 100)}%`}
        style={{ "--played": `${level * 100}%` } as React.CSSProperties}
        onChange={(event) => setVolume(video.current, Number(event.target.value))}
      />
    </div>
  );
}

export function toggleMute(video: HTMLVideoElement | null): void {
  if (!video) return;
  if (video.volume === 0) video.volume = 0.5;
  else video.muted = !video.muted;
}

export function setVolume(video: HTMLVideoElement | null, level: number): void {
  if (!video) return;
  video.volume = Math.min(1, Math.max(0, level));
  video.muted = video.volume === 0;
}

interface ChoiceProps<T> {
  icon: IconName;
  legend: string;
  options: [T, string][];
  chosen: T;
  choose: (value: T) => void;
}

/** A button with a menu of which one is chosen. */
function Choice<T>({ icon, legend, options, chosen, choose }: ChoiceProps<T>) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const name = useId();
  useEffect(() => {
    if (!open) return;
    box.current?.querySelector<HTMLInputElement>("input:checked")?.focus();
    const outside = (event: Event) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const close = () => {
    setOpen(false);
    box.current?.querySelector("button")?.focus();
  };
  return (
    <div className="choice" ref={box}>
      <button
        type="button"
        className="control"
        aria-label={legend}
        title={legend}
        aria-expanded={open}
        onClick={() => setOpen((now) => !now)}
      >
        <Icon name={icon} />
      </button>
      {open && (
        <fieldset
          className="menu"
          onKeyDown={(event) => {
            if (event.key !== "Escape") return;
            event.stopPropagation();
            close();
          }}
        >
          <legend>{legend}</legend>
          {options.map(([value, label]) => (
            <label key={label}>
              <input
                type="radio"
                name={name}
                data-keys="choice"
                checked={chosen === value}
                onChange={() => choose(value)}
                onClick={(event) => event.detail > 0 && close()}
              />
              <span>{label}</span>
            </label>
          ))}
        </fieldset>
      )}
    </div>
  );
}

function Quality({ tracks, choose }: { tracks: Tracks; choose: (height: number | undefined) => void }) {
  const options: [number | undefined, string][] = [
    [undefined, tracks.height ? text.autoNow(tracks.height) : text.auto],
    ...tracks.renditions.map(({ height }): [number, string] => [height, text.height(height)]),
  ];
  return <Choice icon="settings" legend={text.quality} options={options} chosen={tracks.chosen} choose={choose} />;
}

function Languages({ languages, choose }: { languages: Language[]; choose: (tag: string) => void }) {
  const options = languages.map(({ tag }): [string, string] => [tag, languageName(tag) ?? text.languageUnknown]);
  const chosen = languages.find(({ active }) => active)?.tag;
  return <Choice icon="language" legend={text.language} options={options} chosen={chosen ?? ""} choose={choose} />;
}

/** What a menu calls subtitles: their language in itself, and whom they are for. */
export function subtitlesName({ tag, captions }: Subtitles): string {
  const name = languageName(tag) ?? text.languageUnknown;
  return captions ? text.captions(name) : name;
}

function SubtitlesMenu({ subtitles, choose }: { subtitles: Subtitles[]; choose: (id: number | undefined) => void }) {
  const names = subtitles.map(subtitlesName);
  // Several of one name are told apart by number.
  const numbered = names.map((name, place) => {
    const before = names.slice(0, place).filter((other) => other === name).length;
    return before > 0 ? `${name} ${before + 1}` : name;
  });
  const options: [number | undefined, string][] = [
    [undefined, text.subtitlesOff],
    ...subtitles.map(({ id }, place): [number, string] => [id, numbered[place] ?? ""]),
  ];
  const chosen = subtitles.find(({ active }) => active)?.id;
  return <Choice icon="captions" legend={text.subtitles} options={options} chosen={chosen} choose={choose} />;
}

export interface ControlsProps {
  video: RefObject<HTMLVideoElement | null>;
  media: MediaState;
  tracks: Tracks | undefined;
  fullscreen: boolean;
  toggle: () => void;
  seek: (seconds: number) => void;
  seekBy: (seconds: number) => void;
  toggleFullscreen: () => void;
  chooseHeight: (height: number | undefined) => void;
  chooseLanguage: (tag: string) => void;
  chooseSubtitles: (id: number | undefined) => void;
  thumbnailAt: (seconds: number) => Promise<Thumbnail | undefined>;
}

export function Controls(props: ControlsProps) {
  const { video, media, tracks, fullscreen, toggle, seek, seekBy, toggleFullscreen, chooseHeight } = props;
  const { chooseLanguage, chooseSubtitles, thumbnailAt } = props;
  return (
    <section className="controls" aria-label={text.controls}>
      <SeekBar media={media} seek={seek} thumbnailAt={thumbnailAt} />
      <div className="controls-row">
        <ControlButton
          icon={media.paused ? "play" : "pause"}
          label={media.paused ? text.play : text.pause}
          onPress={toggle}
        />
        <ControlButton icon="rewind" label={text.back10} className="wide-only" onPress={() => seekBy(-10)} />
        <ControlButton icon="forward" label={text.forward10} className="wide-only" onPress={() => seekBy(10)} />
        <Volume media={media} video={video} />
        <p className="time">
          <span>{clock(media.seconds)}</span> <span className="faint">/ {clock(media.duration)}</span>
        </p>
        <span className="space" />
        {tracks && tracks.subtitles.length > 0 && (
          <SubtitlesMenu subtitles={tracks.subtitles} choose={chooseSubtitles} />
        )}
        {tracks && tracks.languages.length > 1 && <Languages languages={tracks.languages} choose={chooseLanguage} />}
        {tracks && tracks.renditions.length > 1 && <Quality tracks={tracks} choose={chooseHeight} />}
        <ControlButton
          icon={fullscreen ? "leave" : "enter"}
          label={fullscreen ? text.exitFullscreen : text.fullscreen}
          onPress={toggleFullscreen}
        />
      </div>
    </section>
  );
}
