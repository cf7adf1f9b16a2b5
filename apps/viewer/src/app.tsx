// Which page is shown at which address.
import { Component, lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import type { Config } from "./config.ts";
import { useLiveConfig } from "./live-config.ts";
import { Home } from "./pages/home.tsx";
import { TitlePage } from "./pages/title.tsx";
import { Link, parseRoute, type Route, to, useAddress, useScroll } from "./router.tsx";
import { useSession } from "./session.tsx";
import { strings } from "./strings.ts";
import { Layout } from "./ui/layout.tsx";
import { Blank, Loading } from "./ui/notice.tsx";
import { usePageTitle } from "./ui/page-title.tsx";

// Shaka Player is fetched when somebody presses play, and not before.
const Player = lazy(() => import("./pages/player.tsx"));
const Plans = lazy(async () => ({ default: (await import("./pages/plans.tsx")).Plans }));
const Account = lazy(async () => ({ default: (await import("./pages/account.tsx")).Account }));

function NotFound() {
  return (
    <Blank title={strings.notFound.title} text={strings.notFound.text}>
      <Link className="button primary" href={to.home()}>
        {strings.common.backHome}
      </Link>
    </Blank>
  );
}

/** Pages that learn their name from what they show set it themselves. */
const NAMES: Partial<Record<Route["page"], string>> = {
  home: "",
  plans: strings.checkout.title,
  account: strings.account.title,
  "not-found": strings.notFound.title,
};

function Page({ route, config }: { route: Route; config: Config }) {
  switch (route.page) {
    case "home":
      return <Home config={config} />;
    case "title":
      return <TitlePage key={route.id} id={route.id} config={config} />;
    case "plans":
      return <Plans key={route.title} title={route.title} offer={route.offer} config={config} />;
    case "account":
      return <Account config={config} />;
    case "watch":
      return <Player key={route.id} id={route.id} fromStart={route.fromStart} config={config} />;
    case "not-found":
      return <NotFound />;
  }
}

/** After a change of page the focus stands at its beginning, and its name is read out. */
function useArrival(address: string): string {
  const [said, setSaid] = useState("");
  const before = useRef(address);
  useEffect(() => {
    if (before.current === address) return;
    before.current = address;
    document.getElementById("main")?.focus({ preventScroll: true });
    const timer = setTimeout(() => setSaid(strings.common.newPage(document.title)), 400);
    return () => clearTimeout(timer);
  }, [address]);
  return said;
}

class Guard extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <main className="page">
        <Blank title={strings.crashed.title} text={strings.crashed.text}>
          <button type="button" className="button primary" onClick={() => location.reload()}>
            {strings.common.reload}
          </button>
        </Blank>
      </main>
    );
  }
}

export function App({ config: initial }: { config: Config }) {
  const address = useAddress();
  const config = useLiveConfig(initial, address, useSession().accountId);
  const [path = "/", search = ""] = address.split("?", 2);
  const route = parseRoute(path, search);
  usePageTitle(NAMES[route.page]);
  useScroll(address);
  const said = useArrival(address);
  const page = (
    <Suspense fallback={<Loading />}>
      <Page route={route} config={config} />
    </Suspense>
  );
  return (
    <Guard>
      {route.page === "watch" ? (
        page
      ) : (
        <Layout config={config} page={route.page}>
          {page}
        </Layout>
      )}
      <p className="sr" aria-live="polite">
        {said}
      </p>
    </Guard>
  );
}
