// A row of titles that scrolls sideways.
import { useCallback, useEffect, useId, useRef, useState } from "react";
import type { Title } from "../api/client.ts";
import { length } from "../format.ts";
import { Link, to } from "../router.tsx";
import { strings } from "../strings.ts";
import { Artwork } from "./artwork.tsx";
import { Icon } from "./icons.tsx";

export interface RailItem {
  title: Title;
  /** Where it was left, 0 to 1. */
  watched?: number;
  positionSeconds?: number;
}

function Card({ item, eager }: { item: RailItem; eager: boolean }) {
  const { title, watched, positionSeconds = 0 } = item;
  const percent = Math.round((watched ?? 0) * 100);
  const left = watched !== undefined && title.duration_seconds ? length(title.duration_seconds - positionSeconds) : "";
  const href = watched === undefined ? to.title(title.title_id) : to.watch(title.title_id);
  const badge = title.access.free
    ? strings.title.freeBadge
    : title.access.plans.length === 0
      ? strings.title.rentalBadge
      : "";
  return (
    <li className="card">
      <Link href={href}>
        <div className="card-picture">
          <Artwork title={title} alt={strings.title.poster(title.name)} eager={eager} />
          {badge && watched === undefined && <span className="badge">{badge}</span>}
          {watched !== undefined && (
            <span className="card-play">
              <Icon name="play" />
            </span>
          )}
          {watched !== undefined && (
            <div className="progress" role="img" aria-label={strings.home.watched(percent)}>
              <span style={{ width: `${percent}%` }} />
            </div>
          )}
        </div>
        <span className="card-name">{title.name}</span>
        <span className="card-facts">
          {left
            ? strings.home.left(left)
            : [title.year, title.duration_seconds ? length(title.duration_seconds) : ""].filter(Boolean).join(" · ")}
        </span>
      </Link>
    </li>
  );
}

/** Whether there is more to either side, and how to go there. */
function useEdges(count: number) {
  const list = useRef<HTMLUListElement>(null);
  const [edges, setEdges] = useState({ start: true, end: true });
  const look = useCallback(() => {
    const at = list.current;
    if (at) setEdges({ start: at.scrollLeft < 8, end: at.scrollLeft + at.clientWidth > at.scrollWidth - 8 });
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: more cards move the edge
  useEffect(() => {
    look();
    window.addEventListener("resize", look);
    return () => window.removeEventListener("resize", look);
  }, [look, count]);
  const turn = (way: 1 | -1) =>
    list.current?.scrollBy({ left: way * list.current.clientWidth * 0.85, behavior: "smooth" });
  return { list, edges, look, turn };
}

export function Rail({ name, items, eager = false }: { name: string; items: RailItem[]; eager?: boolean }) {
  const heading = useId();
  const { list, edges, look, turn } = useEdges(items.length);
  return (
    <section className="rail" aria-labelledby={heading}>
      <div className="rail-head">
        <h2 id={heading}>{name}</h2>
        {!(edges.start && edges.end) && (
          <div className="rail-turn">
            <button
              type="button"
              aria-label={strings.home.previous(name)}
              disabled={edges.start}
              onClick={() => turn(-1)}
            >
              <Icon name="left" />
            </button>
            <button type="button" aria-label={strings.home.next(name)} disabled={edges.end} onClick={() => turn(1)}>
              <Icon name="right" />
            </button>
          </div>
        )}
      </div>
      <ul className="rail-list" ref={list} onScroll={look}>
        {items.map((item, place) => (
          <Card key={item.title.title_id} item={item} eager={eager && place < 3} />
        ))}
      </ul>
    </section>
  );
}

export function RailSkeleton() {
  return (
    <div className="rail" aria-hidden="true">
      <div className="skeleton skeleton-heading" />
      <div className="rail-list">
        {[0, 1, 2, 3, 4].map((n) => (
          <div key={n} className="card">
            <div className="card-picture skeleton" />
          </div>
        ))}
      </div>
    </div>
  );
}
