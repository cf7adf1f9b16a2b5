// Addresses of the app, without a hash: `/`, `/titles/{id}`, `/plans`, `/account`, `/watch/{id}`.
import { type AnchorHTMLAttributes, type MouseEvent, useEffect, useSyncExternalStore } from "react";

export type Route =
  | { page: "home" }
  | { page: "title"; id: string }
  | { page: "plans"; title: string | undefined; offer: string | undefined }
  | { page: "account" }
  | { page: "watch"; id: string; fromStart: boolean }
  | { page: "not-found" };

export function parseRoute(path: string, search: string): Route {
  const parts = path.split("/").filter(Boolean).map(decode);
  const query = new URLSearchParams(search);
  const [first, second] = parts;
  if (parts.length === 0) return { page: "home" };
  if (parts.length === 1 && first === "plans") {
    return { page: "plans", title: query.get("title") ?? undefined, offer: query.get("offer") ?? undefined };
  }
  if (parts.length === 1 && first === "account") return { page: "account" };
  if (parts.length === 2 && first === "titles" && second) return { page: "title", id: second };
  if (parts.length === 2 && first === "watch" && second) {
    return { page: "watch", id: second, fromStart: query.get("from") === "start" };
  }
  return { page: "not-found" };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const to = {
  home: () => "/",
  title: (id: string) => `/titles/${encodeURIComponent(id)}`,
  plans: (of: { title?: string | undefined; offer?: string | undefined } = {}) => {
    const query = new URLSearchParams();
    if (of.title) query.set("title", of.title);
    if (of.offer) query.set("offer", of.offer);
    return `/plans${query.size > 0 ? `?${query}` : ""}`;
  },
  account: () => "/account",
  watch: (id: string, fromStart = false) => `/watch/${encodeURIComponent(id)}${fromStart ? "?from=start" : ""}`,
};

const listeners = new Set<() => void>();
const tell = () => {
  for (const listener of listeners) listener();
};
/** Where each entry of the history was scrolled to. */
const scrolled = new Map<string, number>();
const entry = (): string => (history.state as { entry?: string } | null)?.entry ?? "first";

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) window.addEventListener("popstate", tell);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.removeEventListener("popstate", tell);
  };
}

let entries = 0;

export function navigate(url: string, how: "push" | "replace" = "push"): void {
  scrolled.set(entry(), window.scrollY);
  const state = { entry: `${Date.now()}-${entries++}` };
  if (how === "push") history.pushState(state, "", url);
  else history.replaceState(state, "", url);
  tell();
}

export const currentUrl = (): string => location.pathname + location.search;

/** The address shown, and where it was scrolled to when it was left. */
export function useAddress(): string {
  return useSyncExternalStore(subscribe, () => `${location.pathname}${location.search}`);
}

/** Scrolls a page that was come back to where it was, others to the top. */
export function useScroll(address: string): void {
  useEffect(() => {
    history.scrollRestoration = "manual";
    const remember = () => scrolled.set(entry(), window.scrollY);
    window.addEventListener("scroll", remember, { passive: true });
    return () => window.removeEventListener("scroll", remember);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new address is what this waits for
  useEffect(() => {
    window.scrollTo(0, scrolled.get(entry()) ?? 0);
  }, [address]);
}

/** A link within the app. Modified clicks stay the browser's. */
export function Link({ href, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const click = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    event.preventDefault();
    navigate(href);
  };
  return <a {...rest} href={href} onClick={click} />;
}
