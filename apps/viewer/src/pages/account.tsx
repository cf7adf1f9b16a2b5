// What the account has: profile, plan, rentals.
import { type FormEvent, useId, useState } from "react";
import {
  cancelSubscription,
  listOffers,
  listProfiles,
  type Profile,
  type Purchase,
  renameProfile,
  type Subscription,
  type Title,
} from "../api/client.ts";
import { type ApiError, asApiError } from "../api/problem.ts";
import { type Config, wantedLocales } from "../config.ts";
import { day, label, localized, moment, money } from "../format.ts";
import { useQuery } from "../query.ts";
import { useAccount, useTitles } from "../reads.ts";
import { Link, navigate, to } from "../router.tsx";
import { signInUrl, useSession } from "../session.tsx";
import { explain, strings } from "../strings.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Alert, Blank, Failed } from "../ui/notice.tsx";

const text = strings.account;

function Name({ profile, saved }: { profile: Profile; saved: () => void }) {
  const id = useId();
  const [name, setName] = useState(profile.name);
  const [state, setState] = useState<"idle" | "saving" | "saved" | { problem: string }>("idle");
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = name.trim();
    if (wanted.length < 1 || [...wanted].length > 40) return setState({ problem: text.nameInvalid });
    setState("saving");
    try {
      await renameProfile(profile, wanted);
      setState("saved");
      saved();
    } catch (thrown) {
      setState({ problem: explain(asApiError(thrown)) });
    }
  };
  const problem = typeof state === "object" ? state.problem : undefined;
  return (
    <form onSubmit={(event) => void save(event)} noValidate>
      <div className="field">
        <label htmlFor={id}>{text.profileName}</label>
        <div className="field-inline">
          <input
            id={id}
            value={name}
            maxLength={60}
            autoComplete="nickname"
            aria-invalid={problem !== undefined}
            onChange={(event) => {
              setName(event.target.value);
              setState("idle");
            }}
          />
          <button type="submit" className="button" aria-disabled={state === "saving"}>
            {state === "saving" ? text.saving : text.save}
          </button>
        </div>
      </div>
      {problem && <Alert>{problem}</Alert>}
      {state === "saved" && <Alert tone="good">{text.saved}</Alert>}
    </form>
  );
}

function ProfileSection() {
  const session = useSession();
  const profiles = useQuery(`profiles:${session.accountId}`, listProfiles);
  const [profile] = profiles.data ?? [];
  return (
    <section className="panel" aria-labelledby="profile">
      <h2 id="profile">{text.profile}</h2>
      <p className="pair">
        <span>{text.email}</span>
        <strong>{session.email}</strong>
      </p>
      {profiles.error && <Alert>{explain(profiles.error)}</Alert>}
      {profile ? (
        <Name key={profile.profile_id} profile={profile} saved={profiles.reload} />
      ) : (
        profiles.loading && <div className="skeleton skeleton-line" />
      )}
      <button
        type="button"
        className="button quiet"
        onClick={() => void session.signOut().then(() => navigate(to.home()))}
      >
        {strings.nav.signOut}
      </button>
    </section>
  );
}

function standing(of: Subscription): { badge: string; tone: string; line: string } {
  const end = day(of.period_ends_at);
  if (of.state === "active") return { badge: text.active, tone: "good", line: text.renewsOn(end, money(of.price)) };
  if (of.state === "incomplete") return { badge: text.incomplete, tone: "calm", line: text.incompleteText };
  const over = new Date(of.period_ends_at) <= new Date();
  return over
    ? { badge: text.ended, tone: "calm", line: text.endedOn(end) }
    : { badge: text.ending, tone: "warm", line: text.watchableUntil(end) };
}

function Plan({ of, name, changed }: { of: Subscription; name: string; changed: () => void }) {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const [done, setDone] = useState<string>();
  const { badge, tone, line } = standing(of);
  const cancel = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const after = await cancelSubscription(of.subscription_id);
      setDone(text.canceled(day(after.period_ends_at)));
      setAsking(false);
      changed();
    } catch (thrown) {
      setError(asApiError(thrown));
    } finally {
      setBusy(false);
    }
  };
  return (
    <li className="entry">
      <div>
        <h3>
          {name} <span className={`badge ${tone}`}>{badge}</span>
        </h3>
        <p>{line}</p>
        <p className="faint">{strings.checkout.streams(of.max_streams)}</p>
        {done && <Alert tone="good">{done}</Alert>}
      </div>
      {of.state === "active" && (
        <button type="button" className="button quiet" onClick={() => setAsking(true)}>
          {text.cancel}
        </button>
      )}
      {asking && (
        <Dialog title={text.cancelTitle(name)} onClose={() => setAsking(false)}>
          <p>{text.cancelText(day(of.period_ends_at))}</p>
          {error && <Alert>{explain(error)}</Alert>}
          <div className="actions">
            <button type="button" className="button primary" onClick={() => setAsking(false)}>
              {text.cancelKeep}
            </button>
            <button type="button" className="button danger" aria-disabled={busy} onClick={() => !busy && void cancel()}>
              {text.cancelConfirm}
            </button>
          </div>
        </Dialog>
      )}
    </li>
  );
}

function Rental({ of, title }: { of: Purchase; title: Title | undefined }) {
  const over = new Date(of.ends_at) <= new Date();
  return (
    <li className="entry">
      <div>
        <h3>
          {title ? <Link href={to.title(title.title_id)}>{title.name}</Link> : text.unknownTitle}{" "}
          <span className={`badge ${over ? "calm" : "good"}`}>{over ? text.ended : text.active}</span>
        </h3>
        <p>{over ? text.endedOn(day(of.ends_at)) : text.until(moment(of.ends_at))}</p>
      </div>
      <span className="entry-price">{money(of.price)}</span>
    </li>
  );
}

export function Account({ config }: { config: Config }) {
  const session = useSession();
  const account = useAccount();
  const titles = useTitles(config);
  const offers = useQuery("offers:all", (signal) => listOffers(undefined, signal));
  if (!session.signedIn) {
    return (
      <Blank title={text.needSignIn} text={strings.checkout.signInText}>
        <a className="button primary large" href={signInUrl("sign-in", to.account())}>
          {strings.nav.signIn}
        </a>
      </Blank>
    );
  }
  if (account.error && !account.data) return <Failed error={account.error} retry={account.reload} />;
  const planName = (of: Subscription) => {
    const offer = offers.data?.find(({ offer_id }) => offer_id === of.offer_id);
    return offer ? localized(offer.name, wantedLocales(config)) : label(of.plan);
  };
  const { subscriptions, purchases } = account.data ?? { subscriptions: [], purchases: [] };
  return (
    <div className="account">
      <h1>{text.heading}</h1>
      <div className="account-body">
        <div className="account-main">
          <section className="panel" aria-labelledby="plan">
            <h2 id="plan">{text.plan}</h2>
            {account.loading && <div className="skeleton skeleton-line" />}
            {account.data && subscriptions.length === 0 && <p>{text.noPlan}</p>}
            <ul className="entries">
              {subscriptions.map((of) => (
                <Plan key={of.subscription_id} of={of} name={planName(of)} changed={account.reload} />
              ))}
            </ul>
            {account.data && !subscriptions.some(({ state }) => state === "active") && (
              <Link className="button primary" href={to.plans()}>
                {text.seePlans}
              </Link>
            )}
          </section>
          <section className="panel" aria-labelledby="rentals">
            <h2 id="rentals">{text.purchases}</h2>
            {account.loading && <div className="skeleton skeleton-line" />}
            {account.data && purchases.length === 0 && <p>{text.noPurchases}</p>}
            <ul className="entries">
              {purchases.map((of) => (
                <Rental
                  key={of.checkout_id}
                  of={of}
                  title={titles.data?.find(({ title_id }) => title_id === of.title_id)}
                />
              ))}
            </ul>
          </section>
        </div>
        <ProfileSection />
      </div>
    </div>
  );
}
