// Whether the viewer just watches: then the controls are out of the way.
import { type RefObject, useEffect, useState } from "react";

const IDLE_MILLISECONDS = 3000;

export function useIdle(container: RefObject<HTMLElement | null>, awake: boolean): boolean {
  const [idle, setIdle] = useState(false);
  useEffect(() => {
    const box = container.current;
    if (!box) return;
    let timer: ReturnType<typeof setTimeout>;
    const wake = () => {
      setIdle(false);
      clearTimeout(timer);
      if (!awake) timer = setTimeout(() => setIdle(true), IDLE_MILLISECONDS);
    };
    wake();
    const events = ["pointermove", "pointerdown", "keydown", "focusin"];
    for (const name of events) box.addEventListener(name, wake);
    return () => {
      clearTimeout(timer);
      for (const name of events) box.removeEventListener(name, wake);
    };
  }, [container, awake]);
  return idle && !awake;
}

export function useFullscreen(container: RefObject<HTMLElement | null>, video: RefObject<HTMLVideoElement | null>) {
  const [full, setFull] = useState(false);
  useEffect(() => {
    const look = () => setFull(document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", look);
    return () => document.removeEventListener("fullscreenchange", look);
  }, []);
  const toggle = () => {
    if (document.fullscreenElement) return void document.exitFullscreen();
    if (container.current?.requestFullscreen) return void container.current.requestFullscreen().catch(() => undefined);
    // An iPhone shows only the video itself full screen.
    (video.current as (HTMLVideoElement & { webkitEnterFullscreen?: () => void }) | null)?.webkitEnterFullscreen?.();
  };
  return { full, toggle };
}
