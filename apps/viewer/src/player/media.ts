// The video element's state as React sees it.
import { type RefObject, useEffect, useState } from "react";

export interface MediaState {
  paused: boolean;
  seconds: number;
  duration: number;
  /** End of what is buffered around the position. */
  buffered: number;
  volume: number;
  muted: boolean;
}

const EVENTS = [
  "play",
  "pause",
  "timeupdate",
  "seeking",
  "seeked",
  "durationchange",
  "progress",
  "volumechange",
  "emptied",
  "loadedmetadata",
];

/** Longer than any film: what Shaka Player says where a browser takes no infinity. */
const ENDLESS = 2 ** 32;

/** How long the film is; of one that is still being made, how much there is of it. */
export function duration(video: HTMLVideoElement): number {
  if (Number.isFinite(video.duration) && video.duration < ENDLESS) return video.duration;
  const { seekable } = video;
  return Number.isNaN(video.duration) || seekable.length === 0 ? 0 : seekable.end(seekable.length - 1);
}

function read(video: HTMLVideoElement): MediaState {
  const { buffered, currentTime } = video;
  let end = currentTime;
  for (let n = 0; n < buffered.length; n++) {
    if (buffered.start(n) <= currentTime + 0.5) end = Math.max(end, buffered.end(n));
  }
  return {
    paused: video.paused,
    seconds: currentTime,
    duration: duration(video),
    buffered: end,
    volume: video.volume,
    muted: video.muted,
  };
}

export function useMedia(video: RefObject<HTMLVideoElement | null>): MediaState {
  const [state, setState] = useState<MediaState>({
    paused: true,
    seconds: 0,
    duration: 0,
    buffered: 0,
    volume: 1,
    muted: false,
  });
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    const look = () => setState(read(element));
    for (const name of EVENTS) element.addEventListener(name, look);
    return () => {
      for (const name of EVENTS) element.removeEventListener(name, look);
    };
  }, [video]);
  return state;
}
