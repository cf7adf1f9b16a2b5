// The front page: one title large, then rows.
import type { Title } from "../api/client.ts";
import type { Config } from "../config.ts";
import { label } from "../format.ts";
import { genreRails } from "../rails.ts";
import { useProgress, useTitles } from "../reads.ts";
import { continueWatching } from "../resume.ts";
import { Link, to } from "../router.tsx";
import { strings } from "../strings.ts";
import { Artwork } from "../ui/artwork.tsx";
import { Icon } from "../ui/icons.tsx";
import { Meta } from "../ui/meta.tsx";
import { Blank, Failed, Loading } from "../ui/notice.tsx";
import { PlayLink } from "../ui/play-link.tsx";
import { Rail, RailSkeleton } from "../ui/rail.tsx";

function Hero({ title }: { title: Title }) {
  return (
    <section className="hero" aria-label={strings.home.featured}>
      <div className="hero-picture">
        <Artwork title={title} alt="" eager unnamed />
      </div>
      <div className="hero-text">
        <h1>{title.name}</h1>
        <Meta title={title} />
        {title.synopsis && <p className="hero-synopsis">{title.synopsis}</p>}
        <div className="actions">
          <PlayLink title={title} />
          <Link className="button quiet large" href={to.title(title.title_id)}>
            <Icon name="info" />
            {strings.home.more}
          </Link>
        </div>
      </div>
    </section>
  );
}

function Skeleton() {
  return (
    <>
      <Loading />
      <div className="hero hero-skeleton" aria-hidden="true">
        <div className="hero-text">
          <div className="skeleton skeleton-title" />
          <div className="skeleton skeleton-line" />
          <div className="skeleton skeleton-line short" />
        </div>
      </div>
      <RailSkeleton />
      <RailSkeleton />
    </>
  );
}

export function Home({ config }: { config: Config }) {
  const titles = useTitles(config);
  const progress = useProgress();
  if (titles.error && !titles.data) return <Failed error={titles.error} retry={titles.reload} />;
  if (!titles.data) return <Skeleton />;
  const [hero, ...others] = titles.data;
  if (!hero) return <Blank title={strings.home.emptyTitle} text={strings.home.emptyText} />;
  const begun = continueWatching(progress.data ?? [], titles.data);
  const free = titles.data.filter((title) => title.access.free);
  const rows = genreRails(titles.data);
  // The large one need not stand below itself, where there is enough to show without it.
  const newest = (others.length >= 4 ? others : titles.data).slice(0, 20);
  return (
    <>
      <Hero title={hero} />
      <div className="rails">
        {begun.length > 0 && (
          <Rail
            name={strings.home.continue}
            eager
            items={begun.map(({ title, fraction, positionSeconds }) => ({ title, watched: fraction, positionSeconds }))}
          />
        )}
        <Rail name={strings.home.newest(config.name)} eager items={newest.map((title) => ({ title }))} />
        {rows.map((row) => (
          <Rail key={row.genre} name={label(row.genre)} items={row.titles.map((title) => ({ title }))} />
        ))}
        {free.length > 1 && <Rail name={strings.home.free} items={free.map((title) => ({ title }))} />}
      </div>
    </>
  );
}
