// Choosing a plan or a rental, and paying for it.
import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { sellable } from "../access.ts";
import { type AccountState, getTitle, listOffers, type Offer, type Title } from "../api/client.ts";
import { type Config, catalogLocale, sells, wantedLocales } from "../config.ts";
import { label, localized, money, rentalLength } from "../format.ts";
import { forget, useQuery } from "../query.ts";
import { useAccount } from "../reads.ts";
import { currentUrl, Link, to } from "../router.tsx";
import { signInUrl, useSession } from "../session.tsx";
import { explain, strings } from "../strings.ts";
import { Artwork } from "../ui/artwork.tsx";
import { CardForm } from "../ui/card-form.tsx";
import { Icon } from "../ui/icons.tsx";
import { Alert, Blank, Failed, Loading } from "../ui/notice.tsx";
import { usePageTitle } from "../ui/page-title.tsx";
import { type Payment, usePayment } from "./payment.ts";
import { useOffersFor } from "./title.tsx";

const text = strings.checkout;

/** Whether the account has what the offer sells. */
function owned(offer: Offer, title: Title | undefined, account: AccountState | undefined): boolean {
  const { terms } = offer;
  if (terms.kind === "subscription") {
    return account?.subscriptions.some((s) => s.plan === terms.plan && s.state === "active") ?? false;
  }
  return account?.purchases.some((p) => p.title_id === title?.title_id && new Date(p.ends_at) > new Date()) ?? false;
}

function Option(props: { offer: Offer; config: Config; chosen: boolean; has: boolean; choose: () => void }) {
  const { offer, config, chosen, has, choose } = props;
  const locales = wantedLocales(config);
  const rental = offer.terms.kind === "rental" ? offer.terms.hours : undefined;
  const description = localized(offer.description, locales);
  return (
    <label className="offer" data-chosen={chosen} data-owned={has}>
      <input type="radio" name="offer" value={offer.offer_id} checked={chosen} disabled={has} onChange={choose} />
      <span className="offer-name">
        {localized(offer.name, locales) || (offer.terms.kind === "subscription" ? label(offer.terms.plan) : "")}
      </span>
      <span className="offer-price">
        <strong>{money(offer.price)}</strong> {rental === undefined ? text.perMonth : text.once}
      </span>
      {description && <span className="offer-text">{description}</span>}
      <span className="offer-points">
        <span>
          <Icon name="check" />
          {text.streams(offer.max_streams)}
        </span>
        <span>
          <Icon name="check" />
          {rental === undefined ? text.renews : text.rentalHours(rentalLength(rental))}
        </span>
      </span>
      {has && <span className="badge">{text.owned}</span>}
    </label>
  );
}

function SignFirst() {
  return (
    <div className="panel sign-first">
      <h2>{text.signInFirst}</h2>
      <p>{text.signInText}</p>
      <a className="button primary large wide" href={signInUrl("sign-up", currentUrl())}>
        {text.signUpButton}
      </a>
      <a className="button quiet large wide" href={signInUrl("sign-in", currentUrl())}>
        {text.signInButton}
      </a>
    </div>
  );
}

function Closed() {
  return (
    <div className="panel sign-first" role="status">
      <h2>{text.closed}</h2>
      <p>{text.closedText}</p>
    </div>
  );
}

function Problem({ payment }: { payment: Payment }) {
  const place = useRef<HTMLDivElement>(null);
  const problem = payment.phase === "ready" ? payment.problem : undefined;
  // On a phone the button that was pressed is a screen further down.
  useEffect(() => {
    if (problem) place.current?.scrollIntoView({ block: "center" });
  }, [problem]);
  if (!problem) return null;
  return (
    <div ref={place}>
      {"error" in problem ? (
        <Alert>{explain(problem.error)}</Alert>
      ) : (
        <Alert>
          <strong>{text.declined}</strong>
          <span>{problem.declined || text.declinedHint}</span>
        </Alert>
      )}
    </div>
  );
}

function Waiting({ children }: { children: ReactNode }) {
  return (
    <div className="waiting" role="status">
      <span className="spinner" aria-hidden="true" />
      {children}
    </div>
  );
}

function Pay({
  offer,
  title,
  name,
  done,
}: {
  offer: Offer;
  title: Title | undefined;
  name: string;
  done: (offer: Offer) => void;
}) {
  const forAny = offer.terms.kind === "rental" && !offer.terms.title_id;
  const { payment, pay } = usePayment({ offerId: offer.offer_id, titleId: forAny ? title?.title_id : undefined });
  const succeeded = payment.phase === "done";
  useEffect(() => {
    if (succeeded) done(offer);
  }, [succeeded, done, offer]);
  const price = money(offer.price);
  return (
    <section className="panel pay" aria-labelledby="pay">
      <h2 id="pay">{text.pay}</h2>
      <p className="summary">
        <span>{name}</span>
        <strong>{price}</strong>
      </p>
      <Problem payment={payment} />
      {payment.phase === "pending" ? (
        <Waiting>
          <strong>{text.pendingTitle}</strong>
          <p>{payment.long ? text.pendingLong : text.pendingText}</p>
        </Waiting>
      ) : payment.phase === "unsure" ? (
        <Alert tone="calm">
          <span>{text.unsure}</span>
          <button type="button" className="button primary" onClick={() => void pay(undefined)}>
            {text.checkAgain}
          </button>
        </Alert>
      ) : (
        <CardForm price={price} busy={payment.phase !== "ready"} onPay={(card) => void pay(card)} />
      )}
    </section>
  );
}

function Done({ offer, title, name }: { offer: Offer; title: Title | undefined; name: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <section className="blank done">
      <span className="done-mark">
        <Icon name="check" />
      </span>
      <h1 ref={heading} tabIndex={-1}>
        {text.successTitle}
      </h1>
      <p>{offer.terms.kind === "rental" && title ? text.successRental(title.name) : text.successPlan(name)}</p>
      <div className="actions">
        {title && (
          <Link className="button primary large" href={to.watch(title.title_id)}>
            <Icon name="play" />
            {text.watchNow}
          </Link>
        )}
        <Link className={`button large ${title ? "quiet" : "primary"}`} href={to.home()}>
          {text.browse}
        </Link>
      </div>
    </section>
  );
}

/** The offers to choose from: for a title those that open it, else every plan. */
function useChoice(titleId: string | undefined, config: Config) {
  const locale = catalogLocale(config);
  const title = useQuery(titleId && `title:${titleId}:${locale}`, (signal) => getTitle(titleId ?? "", locale, signal));
  const forTitle = useOffersFor(title.data);
  const all = useQuery(titleId ? undefined : "offers", async (signal) =>
    sellable((await listOffers(undefined, signal)).filter(({ terms }) => terms.kind === "subscription")),
  );
  const offers = titleId ? (title.data?.access.free ? [] : forTitle.data) : all.data;
  return {
    title: title.data,
    offers,
    error: title.error ?? forTitle.error ?? all.error,
    reload: () => {
      title.reload();
      forTitle.reload();
      all.reload();
    },
  };
}

export function Plans({
  title: titleId,
  offer: wanted,
  config,
}: {
  title: string | undefined;
  offer: string | undefined;
  config: Config;
}) {
  const session = useSession();
  const account = useAccount();
  const choice = useChoice(titleId, config);
  const [picked, setPicked] = useState(wanted);
  const [bought, setBought] = useState<Offer>();
  const done = useCallback((offer: Offer) => {
    forget("account:");
    setBought(offer);
  }, []);
  const { title, offers } = choice;
  usePageTitle(title ? text.headingFor(title.name) : text.title);
  if (choice.error && !offers) return <Failed error={choice.error} retry={choice.reload} />;
  if (!offers || (session.signedIn && account.loading)) {
    return (
      <div className="checkout">
        <Loading />
        <div className="skeleton skeleton-title" />
        <div className="skeleton skeleton-block" />
      </div>
    );
  }
  const name = (offer: Offer) => localized(offer.name, wantedLocales(config));
  if (bought) return <Done offer={bought} title={title} name={name(bought)} />;
  if (offers.length === 0) {
    return (
      <Blank title={text.noOffers} text={text.noOffersText}>
        <Link className="button primary" href={title ? to.title(title.title_id) : to.home()}>
          {title ? strings.common.back : strings.common.backHome}
        </Link>
      </Blank>
    );
  }
  const free = offers.filter((offer) => !owned(offer, title, account.data));
  const chosen = free.find((offer) => offer.offer_id === picked) ?? free[0];
  return (
    <div className="checkout">
      <header className="checkout-head">
        {title && (
          <div className="checkout-title">
            <Artwork title={title} alt="" eager />
          </div>
        )}
        <div>
          <h1>{title ? text.headingFor(title.name) : text.heading}</h1>
          <p>{text.intro}</p>
        </div>
      </header>
      <div className="checkout-body">
        <fieldset className="offers">
          <legend className="sr">{text.options}</legend>
          {offers.map((offer) => (
            <Option
              key={offer.offer_id}
              offer={offer}
              config={config}
              chosen={offer === chosen}
              has={!free.includes(offer)}
              choose={() => setPicked(offer.offer_id)}
            />
          ))}
        </fieldset>
        {chosen && !sells(config) && <Closed />}
        {chosen && sells(config) && !session.signedIn && <SignFirst />}
        {chosen && sells(config) && session.signedIn && (
          <Pay key={chosen.offer_id} offer={chosen} title={title} name={name(chosen)} done={done} />
        )}
      </div>
    </div>
  );
}
