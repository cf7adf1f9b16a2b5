// The document's title, and what a screen reader hears when the page changes.
import { useEffect } from "react";

let service = "";

export function setServiceName(name: string): void {
  service = name;
}

/** Names the page; without a name yet, the page is on its way. */
export function usePageTitle(name: string | undefined): void {
  useEffect(() => {
    if (name !== undefined) document.title = name ? `${name} · ${service}` : service;
  }, [name]);
}
