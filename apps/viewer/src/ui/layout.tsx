// Header, footer and the frame around every page but the player.
import { type ReactNode, useEffect, useState } from "react";
import type { Config } from "../config.ts";
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

function Header({ config, page }: { config: Config; page: string }) {
  const session = useSession();
  const here = (name: string) => (page === name ? { "aria-current": "page" as const } : {});
  return (
    <header className="header" data-scrolled={useScrolled()}>
      <a className="skip" href="#main">
        {strings.nav.skip}
      </a>
      <Link className="brand" href={to.home()} aria-label={strings.nav.toHome(config.name)}>
        <Mark />
        <span>{config.name}</span>
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

export function Layout({ config, page, children }: { config: Config; page: string; children: ReactNode }) {
  return (
    <>
      <Header config={config} page={page} />
      <main id="main" tabIndex={-1} className={`page page-${page}`}>
        {children}
      </main>
      <footer className="footer">
        <Mark />
        <p>{strings.footer.about(config.name)}</p>
        <a href="/docs">{strings.footer.api}</a>
      </footer>
    </>
  );
}
