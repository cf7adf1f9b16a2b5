// The bar of the position, and above it what the film shows where the pointer is.
import { type PointerEvent, useEffect, useRef, useState } from "react";
import { clock, spokenClock } from "../format.ts";
import { strings } from "../strings.ts";
import type { Thumbnail } from "./engine.ts";
import type { MediaState } from "./media.ts";

const text = strings.player;

/** Width of the knob, of which half stands out at either end of the bar, in pixels. */
const KNOB = 16;
/** What stays free beside a preview at the edge, in pixels. */
const HALF_PREVIEW = 84;

interface SeekBarProps {
  media: MediaState;
  seek: (seconds: number) => void;
  thumbnailAt: (seconds: number) => Promise<Thumbnail | undefined>;
}

/** A moment that is pointed at, and where on the bar. */
interface Pointed {
  seconds: number;
  x: number;
}

/** The moment below the pointer. */
function pointed(event: PointerEvent<HTMLElement>, duration: number): Pointed {
  const { left, width } = event.currentTarget.getBoundingClientRect();
  const x = Math.min(Math.max(0, event.clientX - left), width);
  const share = (x - KNOB / 2) / Math.max(1, width - KNOB);
  const room = Math.min(HALF_PREVIEW, width / 2);
  return { seconds: Math.min(1, Math.max(0, share)) * duration, x: Math.min(Math.max(room, x), width - room) };
}

/** The latest thumbnail that was asked for and came. */
function useThumbnail(at: number | undefined, thumbnailAt: SeekBarProps["thumbnailAt"]): Thumbnail | undefined {
  const [thumbnail, setThumbnail] = useState<Thumbnail>();
  useEffect(() => {
    if (at === undefined) return;
    let late = false;
    thumbnailAt(at).then((found) => {
      if (!late) setThumbnail(found);
    });
    return () => {
      late = true;
    };
  }, [at, thumbnailAt]);
  return thumbnail;
}

function Preview({ at, thumbnail }: { at: Pointed; thumbnail: Thumbnail | undefined }) {
  const { width = 0, height = 0, x = 0, y = 0 } = thumbnail ?? {};
  return (
    <div className="preview" aria-hidden="true" style={{ left: at.x }}>
      {thumbnail && (
        <div
          className="preview-picture"
          style={{
            width,
            height,
            backgroundImage: `url("${thumbnail.uri}")`,
            backgroundPosition: `${-x}px ${-y}px`,
            backgroundSize: `${thumbnail.of.width}px ${thumbnail.of.height}px`,
          }}
        />
      )}
      <span>{clock(at.seconds)}</span>
    </div>
  );
}

export function SeekBar({ media, seek, thumbnailAt }: SeekBarProps) {
  const { duration, buffered } = media;
  const [at, setAt] = useState<Pointed>();
  const pressed = useRef(false);
  /** A finger or a pen that is down looks for a moment, and the film goes there once it is lifted. */
  const scrubbing = useRef(false);
  const thumbnail = useThumbnail(at?.seconds, thumbnailAt);
  const seconds = (scrubbing.current ? at?.seconds : undefined) ?? media.seconds;
  const share = (value: number) => `${duration > 0 ? Math.min(100, (value / duration) * 100) : 0}%`;
  const leave = (event: PointerEvent<HTMLElement>) => {
    if (scrubbing.current && event.type === "pointerup") seek(pointed(event, duration).seconds);
    // A finger that is lifted points at nothing; a mouse still does.
    if (event.type !== "pointerup" || event.pointerType !== "mouse") setAt(undefined);
    pressed.current = false;
    scrubbing.current = false;
  };
  const point = (event: PointerEvent<HTMLElement>) => {
    const mouse = event.pointerType === "mouse";
    if (event.type === "pointerdown") pressed.current = true;
    if (duration <= 0 || !(pressed.current || mouse)) return;
    scrubbing.current = !mouse;
    setAt(pointed(event, duration));
  };
  return (
    <div
      className="seek-bar"
      onPointerDown={point}
      onPointerMove={point}
      onPointerUp={leave}
      onPointerCancel={leave}
      onPointerLeave={leave}
    >
      {at && <Preview at={at} thumbnail={thumbnail} />}
      <input
        className="seek"
        type="range"
        min={0}
        max={Math.max(1, duration)}
        step="any"
        value={seconds}
        data-keys="seek"
        aria-label={text.seek}
        aria-valuetext={text.position(spokenClock(seconds), spokenClock(duration))}
        style={{ "--played": share(seconds), "--buffered": share(buffered) } as React.CSSProperties}
        onChange={(event) => !scrubbing.current && seek(Number(event.target.value))}
      />
    </div>
  );
}
