// A title's picture: its poster, or one designed from its name.
import { useState } from "react";
import type { Title } from "../api/client.ts";

/** One of so many gradients (styles/artwork.css), the same for a title each time. */
const LOOKS = 6;

export function lookOf(id: string): number {
  let hash = 7;
  for (const character of id) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 9973;
  return hash % LOOKS;
}

interface Artwork {
  title: Title;
  /** Empty where the name stands beside it anyway. */
  alt: string;
  /** Seen without scrolling, so fetched at once. */
  eager?: boolean;
  /** Its name stands over it already. */
  unnamed?: boolean;
}

export function Artwork({ title, alt, eager = false, unnamed = false }: Artwork) {
  const [state, setState] = useState<"loading" | "wide" | "tall" | "failed">("loading");
  const url = title.poster_url;
  if (!url || state === "failed") {
    return (
      <div
        className={`artwork drawn ${unnamed ? "unnamed" : ""} look-${lookOf(title.title_id)}`}
        {...(alt ? { role: "img", "aria-label": alt } : {})}
      >
        <span aria-hidden="true">{title.name}</span>
      </div>
    );
  }
  return (
    <div className={`artwork ${state} look-${lookOf(title.title_id)}`}>
      {state === "tall" && <img className="artwork-behind" src={url} alt="" />}
      <img
        src={url}
        alt={alt}
        loading={eager ? "eager" : "lazy"}
        decoding="async"
        {...(eager ? { fetchPriority: "high" as const } : {})}
        onLoad={({ currentTarget: image }) => setState(image.naturalHeight > image.naturalWidth ? "tall" : "wide")}
        onError={() => setState("failed")}
      />
    </div>
  );
}
