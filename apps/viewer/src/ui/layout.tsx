// Header, footer and the frame around every page but the player.
import { type ReactNode, useEffect, useState } from "react";
import { type Config, notice } from "../config.ts";
import { currentUrl, Link, to } from "../router.tsx";
import { signInUrl, useSession } from "../session.tsx";
import { strings } from "../strings.ts";
import { Icon, Mark } from "./icons.tsx";

function useScrolled(): boolean {
  const [scrolled, setScrolled] = useState(false);
  useEffect(() => {
    const look = () => setScrolled(window.scrollY > 24);
    look();
    window.addEventListener("scroll", look, { passive: true });
    return () => window.removeEventListener("scroll", look);
  }, []);
  return scrolled;
}

/** The logo, with the name beside it unless it is wide enough to stand for the name; the mosaic where there is none. */
function Brand({ config }: { config: Config }) {
  const { logo, name } = config;
  if (!logo) {
    return (
      <>
        <Mark />
        <span>{name}</span>
      </>
    );
  }
  return (
    <>
      <img className="logo" src={logo.url} width={logo.width} height={logo.height} alt="" />
      {logo.width < 2 * logo.height && <span>{name}</span>}
    </>
  );
}

function Header({ config, page }: { config: Config; page: string }) {
  const session = useSession();
  const here = (name: string) => (page === name ? { "aria-current": "page" as const } : {});
  return (
    <header className="header" data-scrolled={useScrolled()}>
      <a className="skip" href="#main">
        {strings.nav.skip}
      </a>
      <Link className="brand" href={to.home()} aria-label={strings.nav.toHome(config.name)}>
        <Brand config={config} />
      </Link>
      <nav className="nav" aria-label={strings.nav.main}>
        <Link className="nav-home" href={to.home()} {...here("home")}>
          {strings.nav.home}
        </Link>
        <Link href={to.plans()} {...here("plans")}>
          {strings.nav.plans}
        </Link>
      </nav>
      {session.signedIn ? (
        <Link
          className="avatar"
          href={to.account()}
          aria-label={strings.nav.accountOf(session.email ?? "")}
          {...here("account")}
        >
          {session.email ? session.email.charAt(0).toUpperCase() : <Icon name="person" />}
        </Link>
      ) : (
        <div className="sign">
          <a className="button quiet small" href={signInUrl("sign-in", currentUrl())}>
            {strings.nav.signIn}
          </a>
          <a className="button primary small" href={signInUrl("sign-up", currentUrl())}>
            {strings.nav.signUp}
          </a>
        </div>
      )}
    </header>
  );
}

/** What the operator has to say, above everything else. */
function Notice({ config }: { config: Config }) {
  const said = notice(config);
  return (
    <aside className="operator-notice" aria-label={strings.nav.notice} hidden={!said}>
      <p role="status">{said}</p>
    </aside>
  );
}

export function Layout({ config, page, children }: { config: Config; page: string; children: ReactNode }) {
  return (
    <>
      <Notice config={config} />
      <Header config={config} page={page} />
      <main id="main" tabIndex={-1} className={`page page-${page}`}>
        {children}
      </main>
      <footer className="footer">
        <Mark />
        <p>{strings.footer.about(config.name)}</p>
        {config.support_email && <a href={`mailto:${config.support_email}`}>{strings.footer.help}</a>}
        {config.terms_url && <a href={config.terms_url}>{strings.footer.terms}</a>}
        {config.privacy_url && <a href={config.privacy_url}>{strings.footer.privacy}</a>}
        <a href="/docs">{strings.footer.api}</a>
      </footer>
    </>
  );
}
