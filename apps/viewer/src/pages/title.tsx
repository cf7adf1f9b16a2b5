// One title: what it is, and what it takes to watch it.
import { type Access, accessTo, offersFor } from "../access.ts";
import { getTitle, listOffers, type Offer, type Title as TitleOf } from "../api/client.ts";
import { type Config, catalogLocale, wantedLocales } from "../config.ts";
import { day, label, localized, moment, money, rentalLength } from "../format.ts";
import { useQuery } from "../query.ts";
import { useAccount } from "../reads.ts";
import { Link, to } from "../router.tsx";
import { strings } from "../strings.ts";
import { Artwork } from "../ui/artwork.tsx";
import { Icon } from "../ui/icons.tsx";
import { Meta } from "../ui/meta.tsx";
import { Blank, Failed, Loading } from "../ui/notice.tsx";
import { usePageTitle } from "../ui/page-title.tsx";
import { PlayLink } from "../ui/play-link.tsx";

/** What can be bought to watch this title. */
export function useOffersFor(title: TitleOf | undefined) {
  return useQuery(
    title && !title.access.free ? `offers:${title.title_id}:${title.version}` : undefined,
    async (signal) => {
      if (!title) return [];
      const plan = title.access.plans;
      const [plans, rentals] = await Promise.all([
        plan.length > 0 ? listOffers({ plan }, signal) : [],
        listOffers({ title_id: title.title_id }, signal),
      ]);
      return offersFor(title, plans, rentals);
    },
  );
}

function Yours({ access, plan }: { access: Access; plan: (name: string) => string }) {
  if (access.kind === "none") return null;
  const text =
    access.kind === "free"
      ? strings.title.freeText
      : access.kind === "plan"
        ? strings.title.yoursByPlan(plan(access.plan))
        : strings.title.yoursUntil(moment(access.until));
  return (
    <p className="way yours">
      <Icon name="check" />
      <span>{text}</span>
    </p>
  );
}

function Way({ offer, title, name }: { offer: Offer; title: TitleOf; name: string }) {
  const rental = offer.terms.kind === "rental" ? offer.terms.hours : undefined;
  return (
    <Link className="way" href={to.plans({ title: title.title_id, offer: offer.offer_id })}>
      <span className="way-text">
        <strong>
          {rental === undefined ? strings.title.inPlan(name) : strings.title.rentFor(rentalLength(rental))}
        </strong>
        <span>
          {money(offer.price)} {rental === undefined ? strings.checkout.perMonth : strings.checkout.once}
        </span>
      </span>
      <Icon name="right" />
    </Link>
  );
}

function Ways({ title, config }: { title: TitleOf; config: Config }) {
  const account = useAccount();
  const offers = useOffersFor(title);
  const access = accessTo(title, account.data, new Date());
  const name = (offer: Offer) => localized(offer.name, wantedLocales(config));
  const plan = (id: string) => {
    const offer = offers.data?.find(({ terms }) => terms.kind === "subscription" && terms.plan === id);
    return offer ? name(offer) : label(id);
  };
  const nothing = access.kind === "none" && offers.data?.length === 0;
  return (
    <section className="ways panel" aria-labelledby="ways">
      <h2 id="ways">{strings.title.waysToWatch}</h2>
      <Yours access={access} plan={plan} />
      {access.kind === "none" && offers.loading && <div className="way skeleton" />}
      {access.kind === "none" &&
        offers.data?.map((offer) => <Way key={offer.offer_id} offer={offer} title={title} name={name(offer)} />)}
      {nothing && <p className="way">{strings.title.notForSale}</p>}
    </section>
  );
}

function Details({ title }: { title: TitleOf }) {
  const { rating, window: availability } = title;
  const age = rating && (rating.minimum_age > 0 ? strings.title.ageFrom(rating.minimum_age) : strings.title.ageAll);
  const rows: [string, string][] = [
    [strings.title.genres, title.genres.map(label).join(", ")],
    [strings.title.age, age ?? ""],
    [strings.title.availableUntil, availability.ends_at ? day(availability.ends_at) : ""],
  ];
  return (
    <dl className="details">
      {rows
        .filter(([, value]) => value)
        .map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

export function TitlePage({ id, config }: { id: string; config: Config }) {
  const locale = catalogLocale(config);
  const title = useQuery(`title:${id}:${locale}`, (signal) => getTitle(id, locale, signal));
  usePageTitle(title.data?.name);
  if (title.error && !title.data) {
    if (!title.error.passing) {
      return (
        <Blank title={strings.title.notFound} text={strings.title.notFoundText}>
          <Link className="button primary" href={to.home()}>
            {strings.common.backHome}
          </Link>
        </Blank>
      );
    }
    return <Failed error={title.error} retry={title.reload} />;
  }
  if (!title.data) {
    return (
      <div className="feature">
        <Loading />
        <div className="feature-picture skeleton" />
      </div>
    );
  }
  const of = title.data;
  return (
    <article className="feature">
      <div className="feature-picture">
        <Artwork title={of} alt={strings.title.poster(of.name)} eager unnamed />
      </div>
      <div className="feature-body">
        <div className="feature-main">
          <h1>{of.name}</h1>
          <Meta title={of} genres={false} />
          <div className="actions">
            <PlayLink title={of} />
          </div>
          <p className="synopsis">{of.synopsis || strings.title.noSynopsis}</p>
          <Details title={of} />
        </div>
        <Ways title={of} config={config} />
      </div>
    </article>
  );
}
