// The line of facts under a title's name.
import type { Title } from "../api/client.ts";
import { label, length } from "../format.ts";

export function Meta({ title, genres = true }: { title: Title; genres?: boolean }) {
  const facts = [
    title.year ? String(title.year) : "",
    title.duration_seconds ? length(title.duration_seconds) : "",
    genres ? title.genres.slice(0, 3).map(label).join(" · ") : "",
  ].filter(Boolean);
  return (
    <p className="meta">
      {facts.map((fact) => (
        <span key={fact}>{fact}</span>
      ))}
      {title.rating && (
        <span className="rating">
          {title.rating.system} {title.rating.label}
        </span>
      )}
    </p>
  );
}
