// The press of play as the page sees it.
import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import type { Thumbnail, Tracks } from "./engine.ts";
import { Press } from "./press.ts";
import type { Trouble } from "./trouble.ts";

export type Phase = "loading" | "playing" | "ended";

export interface Session {
  phase: Phase;
  trouble: Trouble | undefined;
  tracks: Tracks | undefined;
  buffering: boolean;
  /** Again from where it stopped or from the start, as a new session. */
  restart: (fromStart?: boolean) => void;
  chooseHeight: (height: number | undefined) => void;
  chooseLanguage: (tag: string) => void;
  chooseSubtitles: (id: number | undefined) => void;
  toggleSubtitles: () => void;
  thumbnailAt: (seconds: number) => Promise<Thumbnail | undefined>;
}

interface Wanted {
  titleId: string;
  durationSeconds: number | null | undefined;
  fromStart: boolean;
}

export function useSessionOf(
  video: RefObject<HTMLVideoElement | null>,
  container: RefObject<HTMLElement | null>,
  wanted: Wanted | undefined,
): Session {
  const [phase, setPhase] = useState<Phase>("loading");
  const [trouble, setTrouble] = useState<Trouble>();
  const [tracks, setTracks] = useState<Tracks>();
  const [buffering, setBuffering] = useState(false);
  /** Each press is another; `from` is where it goes on, and where the service says when absent. */
  const [again, setAgain] = useState<{ from: number | undefined }>();
  const press = useRef<Press>(undefined);
  const latest = useRef(wanted);
  latest.current = wanted;
  const { titleId, fromStart = false } = wanted ?? {};

  useEffect(() => {
    if (!video.current || !container.current || titleId === undefined) return;
    setPhase("loading");
    setTrouble(undefined);
    const fromSeconds = again ? again.from : fromStart ? 0 : undefined;
    const durationSeconds = latest.current?.durationSeconds;
    const one = new Press(
      video.current,
      container.current,
      { titleId, durationSeconds, fromSeconds },
      {
        onTracks: setTracks,
        onBuffering: setBuffering,
        onPlaying: () => setPhase("playing"),
        onTrouble: setTrouble,
        onEnded: () => setPhase("ended"),
      },
    );
    press.current = one;
    return () => one.close();
  }, [titleId, fromStart, again, video, container]);

  const restart = useCallback(
    (anew = false) => {
      const at = video.current?.currentTime;
      setAgain({ from: anew ? 0 : at || undefined });
    },
    [video],
  );
  useEffect(() => {
    // A page that the browser kept for going back has given its slot up.
    const shown = (event: PageTransitionEvent) => event.persisted && restart();
    window.addEventListener("pageshow", shown);
    return () => window.removeEventListener("pageshow", shown);
  }, [restart]);

  const chooseHeight = useCallback((height: number | undefined) => press.current?.engine?.chooseHeight(height), []);
  const chooseLanguage = useCallback((tag: string) => press.current?.engine?.chooseLanguage(tag), []);
  const chooseSubtitles = useCallback((id: number | undefined) => press.current?.engine?.chooseSubtitles(id), []);
  const toggleSubtitles = useCallback(() => press.current?.engine?.toggleSubtitles(), []);
  const thumbnailAt = useCallback(async (seconds: number) => press.current?.engine?.thumbnailAt(seconds), []);
  const choosing = { chooseHeight, chooseLanguage, chooseSubtitles, toggleSubtitles };
  return { phase, trouble, tracks, buffering, restart, ...choosing, thumbnailAt };
}
