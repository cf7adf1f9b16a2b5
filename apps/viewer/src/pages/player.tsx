// The player page: nothing but the film and its controls.
import { useCallback, useEffect, useId, useRef } from "react";
import { getTitle } from "../api/client.ts";
import { type Config, catalogLocale } from "../config.ts";
import { Controls, setVolume, toggleMute } from "../player/controls.tsx";
import { useFullscreen, useIdle } from "../player/idle.ts";
import { commandOf, focusKind } from "../player/keys.ts";
import { useMedia } from "../player/media.ts";
import { usePlaybackSession } from "../player/session.ts";
import type { Trouble } from "../player/trouble.ts";
import { troubleOf } from "../player/trouble.ts";
import { useQuery } from "../query.ts";
import { currentUrl, Link, navigate, to } from "../router.tsx";
import { signInUrl } from "../session.tsx";
import { strings } from "../strings.ts";
import { Icon } from "../ui/icons.tsx";
import { usePageTitle } from "../ui/page-title.tsx";
import "../styles/player.css";

const text = strings.player;

function TroublePanel({ trouble, titleId, retry }: { trouble: Trouble; titleId: string; retry: () => void }) {
  const id = useId();
  const first = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new trouble takes the focus
  useEffect(() => {
    first.current?.querySelector<HTMLElement>("button, a")?.focus();
  }, [trouble]);
  return (
    <div className="trouble" role="alertdialog" aria-labelledby={id} aria-describedby={`${id}-text`}>
      <div className="trouble-box">
        <h2 id={id}>{trouble.title}</h2>
        <p id={`${id}-text`}>{trouble.text}</p>
        <div className="actions" ref={first}>
          {trouble.way === "retry" && (
            <button type="button" className="button primary large" onClick={retry}>
              {trouble.label}
            </button>
          )}
          {trouble.way === "offers" && (
            <Link className="button primary large" href={to.plans({ title: titleId })}>
              {trouble.label}
            </Link>
          )}
          {trouble.way === "sign-in" && (
            <a className="button primary large" href={signInUrl("sign-in", currentUrl())}>
              {trouble.label}
            </a>
          )}
          <Link className="button quiet large" href={to.title(titleId)}>
            {strings.common.back}
          </Link>
        </div>
      </div>
    </div>
  );
}

function Ended({ titleId, again }: { titleId: string; again: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  return (
    <div className="trouble">
      <div className="trouble-box">
        <h2>{text.ended}</h2>
        <div className="actions">
          <Link className="button primary large" href={to.home()}>
            {strings.checkout.browse}
          </Link>
          <button type="button" className="button quiet large" ref={button} onClick={again}>
            <Icon name="restart" />
            {text.watchAgain}
          </button>
          <Link className="button quiet large" href={to.title(titleId)}>
            {strings.common.back}
          </Link>
        </div>
      </div>
    </div>
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
  const session = usePlaybackSession(video, container, wanted);
  const fullscreen = useFullscreen(container, video);
  const trouble = session.trouble ?? (title.error && !title.data ? troubleOf(title.error) : undefined);
  const blocked = trouble !== undefined || session.phase !== "playing";
  const idle = useIdle(container, media.paused || blocked);

  const toggle = useCallback(() => {
    if (video.current?.paused) void video.current.play().catch(() => undefined);
    else video.current?.pause();
  }, []);
  const seek = useCallback((seconds: number) => {
    const element = video.current;
    if (element) element.currentTime = Math.min(Math.max(0, seconds), element.duration || 0);
  }, []);
  const seekBy = useCallback((by: number) => seek((video.current?.currentTime ?? 0) + by), [seek]);

  const { tracks, showCaptions } = session;
  const { toggle: toggleFullscreen } = fullscreen;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const modified = event.ctrlKey || event.metaKey || event.altKey;
      const command = blocked ? undefined : commandOf({ key: event.key, modified, on: focusKind(event.target) });
      if (!command) return;
      event.preventDefault();
      if (command.do === "toggle") toggle();
      else if (command.do === "seek") seekBy(command.by);
      else if (command.do === "volume") setVolume(video.current, (video.current?.volume ?? 0) + command.by);
      else if (command.do === "mute") toggleMute(video.current);
      else if (command.do === "fullscreen") toggleFullscreen();
      else if (tracks && tracks.captions !== "none") showCaptions(tracks.captions !== "on");
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [blocked, toggle, seekBy, toggleFullscreen, tracks, showCaptions]);

  const retry = () => {
    if (title.error && !title.data) title.reload();
    else session.restart();
  };
  const waiting = !trouble && (session.phase === "loading" || session.buffering);
  return (
    <main id="main" tabIndex={-1} className="player" ref={container} data-idle={idle} aria-label={text.region}>
      {/* A click on the picture is a convenience; the play button has the name and the keyboard. */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the page's keys do the same */}
      {/* biome-ignore lint/a11y/useMediaCaption: captions come with the manifest */}
      <video ref={video} playsInline onClick={() => !blocked && toggle()} onDoubleClick={fullscreen.toggle} />
      <div className="player-shade" />
      <header className="player-top">
        <button type="button" className="control" aria-label={text.back} title={text.back} onClick={() => navigate(to.title(id))}>
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
        <button type="button" className="player-centre big-play" aria-label={text.play} onClick={toggle}>
          <Icon name="play" />
        </button>
      )}
      {!blocked && (
        <Controls
          video={video}
          media={media}
          tracks={tracks}
          fullscreen={fullscreen.full}
          toggle={toggle}
          seek={seek}
          seekBy={seekBy}
          toggleFullscreen={toggleFullscreen}
          chooseHeight={session.chooseHeight}
          showCaptions={showCaptions}
        />
      )}
      {trouble && <TroublePanel trouble={trouble} titleId={id} retry={retry} />}
      {!trouble && session.phase === "ended" && <Ended titleId={id} again={() => session.restart(true)} />}
    </main>
  );
}
