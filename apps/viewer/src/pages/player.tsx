// The player page: nothing but the film and its controls.
import { type RefObject, useCallback, useEffect, useMemo, useRef } from "react";
import { getTitle } from "../api/client.ts";
import { type Config, catalogLocale } from "../config.ts";
import { Controls, setVolume, subtitlesName, toggleMute } from "../player/controls.tsx";
import type { Tracks } from "../player/engine.ts";
import { useFullscreen, useIdle } from "../player/idle.ts";
import { type Command, commandOf, focusKind } from "../player/keys.ts";
import { duration, useMedia } from "../player/media.ts";
import { EndedPanel, TroublePanel } from "../player/panels.tsx";
import { useSessionOf } from "../player/session.ts";
import { troubleOf } from "../player/trouble.ts";
import { useQuery } from "../query.ts";
import { navigate, to } from "../router.tsx";
import { strings } from "../strings.ts";
import { Artwork } from "../ui/artwork.tsx";
import { Icon } from "../ui/icons.tsx";
import { usePageTitle } from "../ui/page-title.tsx";
import "../styles/player.css";

const text = strings.player;

/** What pressing play, seeking and the like do to the element. */
function useRemote(video: RefObject<HTMLVideoElement | null>) {
  return useMemo(() => {
    const seek = (seconds: number) => {
      const element = video.current;
      if (element) element.currentTime = Math.min(Math.max(0, seconds), duration(element));
    };
    return {
      seek,
      seekBy: (by: number) => seek((video.current?.currentTime ?? 0) + by),
      toggle: () => {
        if (video.current?.paused) void video.current.play().catch(() => undefined);
        else video.current?.pause();
      },
    };
  }, [video]);
}

/** Runs the commands of the keyboard, wherever the focus is on the page. */
function useKeys(active: boolean, run: (command: Command) => void): void {
  useEffect(() => {
    if (!active) return;
    const press = (event: KeyboardEvent) => {
      const modified = event.ctrlKey || event.metaKey || event.altKey;
      const command = commandOf({ key: event.key, modified, on: focusKind(event.target) });
      if (!command) return;
      event.preventDefault();
      run(command);
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [active, run]);
}

/** Says to who does not see the menu which subtitles are shown, once they change. */
function SubtitlesStatus({ tracks }: { tracks: Tracks | undefined }) {
  const shown = tracks?.subtitles.find(({ active }) => active);
  const said = !tracks?.subtitles.length ? "" : shown ? text.subtitlesNow(subtitlesName(shown)) : text.subtitlesNone;
  return (
    <p className="sr" role="status">
      {said}
    </p>
  );
}

export default function Player({ id, fromStart, config }: { id: string; fromStart: boolean; config: Config }) {
  const locale = catalogLocale(config);
  const title = useQuery(`title:${id}:${locale}`, (signal) => getTitle(id, locale, signal));
  usePageTitle(title.data && text.title(title.data.name));
  const container = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const media = useMedia(video);
  const wanted = title.data && { titleId: id, durationSeconds: title.data.duration_seconds, fromStart };
  const session = useSessionOf(video, container, wanted);
  const fullscreen = useFullscreen(container, video);
  const remote = useRemote(video);
  const missing = title.data ? undefined : title.error;
  const trouble = session.trouble ?? (missing && troubleOf(missing));
  const blocked = trouble !== undefined || session.phase !== "playing";
  const waiting = !trouble && (session.phase === "loading" || session.buffering);
  const idle = useIdle(container, media.paused || blocked);
  const run = useCallback(
    (command: Command) => {
      if (command.do === "toggle") remote.toggle();
      else if (command.do === "seek") remote.seekBy(command.by);
      else if (command.do === "volume") setVolume(video.current, (video.current?.volume ?? 0) + command.by);
      else if (command.do === "mute") toggleMute(video.current);
      else if (command.do === "fullscreen") fullscreen.toggle();
      else session.toggleSubtitles();
    },
    [remote, fullscreen.toggle, session.toggleSubtitles],
  );
  useKeys(!blocked, run);

  return (
    <main id="main" tabIndex={-1} className="player" ref={container} data-idle={idle} aria-label={text.region}>
      {/* A click on the picture is a convenience; the play button has the name and the keyboard. */}
      {/* biome-ignore lint/a11y/useMediaCaption: captions come with the manifest */}
      <video ref={video} playsInline onClick={() => !blocked && remote.toggle()} onDoubleClick={fullscreen.toggle} />
      {title.data && session.phase === "loading" && (
        <div className="player-back">
          <Artwork title={title.data} alt="" eager unnamed />
        </div>
      )}
      <div className="player-shade" />
      <header className="player-top">
        <button
          type="button"
          className="control"
          aria-label={text.back}
          title={text.back}
          onClick={() => navigate(to.title(id))}
        >
          <Icon name="back" />
        </button>
        <h1>{title.data?.name}</h1>
      </header>
      {waiting && (
        <div className="player-centre" role="status">
          <span className="spinner" />
          <span className="sr">{text.loading}</span>
        </div>
      )}
      {!blocked && media.paused && !waiting && (
        <button type="button" className="player-centre big-play" aria-label={text.play} onClick={remote.toggle}>
          <Icon name="play" />
        </button>
      )}
      {!blocked && (
        <Controls
          video={video}
          media={media}
          tracks={session.tracks}
          fullscreen={fullscreen.full}
          toggle={remote.toggle}
          seek={remote.seek}
          seekBy={remote.seekBy}
          toggleFullscreen={fullscreen.toggle}
          chooseHeight={session.chooseHeight}
          chooseLanguage={session.chooseLanguage}
          chooseSubtitles={session.chooseSubtitles}
          thumbnailAt={session.thumbnailAt}
        />
      )}
      <SubtitlesStatus tracks={session.tracks} />
      {trouble && (
        <TroublePanel trouble={trouble} titleId={id} retry={missing ? title.reload : () => session.restart()} />
      )}
      {!trouble && session.phase === "ended" && <EndedPanel titleId={id} again={() => session.restart(true)} />}
    </main>
  );
}
