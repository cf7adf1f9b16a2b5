// This device, as the viewer's stream list names it.
import { strings } from "./strings.ts";

const NAME = "tessera.device";

/** A random name that this browser keeps. Without storage (a private window) it lives as long as the page. */
let inMemory: string | undefined;

export function deviceId(): string {
  try {
    const kept = localStorage.getItem(NAME);
    if (kept) return kept;
    const fresh = `web-${crypto.randomUUID?.() ?? randomName()}`;
    localStorage.setItem(NAME, fresh);
    return fresh;
  } catch {
    inMemory ??= `web-${randomName()}`;
    return inMemory;
  }
}

/** 128 random bits. `crypto.randomUUID` is there on secure hosts only, and a local network's may not be one. */
export function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const browsers: [RegExp, string][] = [
  [/\bEdg(e|A|iOS)?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\b(Firefox|FxiOS)\//, "Firefox"],
  [/\b(Chrome|CriOS|HeadlessChrome|Chromium)\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const systems: [RegExp, string][] = [
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bTizen\b|\bWeb0S\b|SMART-TV/, "TV"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b|\bMacintosh\b/, "Mac"],
  [/\bLinux\b/, "Linux"],
];

/** `Firefox on Linux`: a name its owner would recognise. */
export function deviceName(userAgent: string): string {
  const named = (list: [RegExp, string][], other: string) =>
    list.find(([pattern]) => pattern.test(userAgent))?.[1] ?? other;
  return strings.player.device(named(browsers, strings.player.browser), named(systems, strings.player.computer));
}
