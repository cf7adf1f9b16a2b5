// The beginning: what this tenant is, who is signed in, then the page.
import { StrictMode, useCallback, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { type ApiError, asApiError } from "./api/problem.ts";
import { App } from "./app.tsx";
import { type Config, loadConfig } from "./config.ts";
import { loadSession, SessionProvider } from "./session.tsx";
import { Failed, Loading } from "./ui/notice.tsx";
import { setServiceName } from "./ui/page-title.tsx";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/artwork.css";
import "./styles/browse.css";
import "./styles/forms.css";
import "./styles/commerce.css";

type Session = Awaited<ReturnType<typeof loadSession>>;

function Begin() {
  const [ready, setReady] = useState<{ config: Config; session: Session }>();
  const [error, setError] = useState<ApiError>();
  const begin = useCallback(() => {
    setError(undefined);
    // Nobody needs to be signed in to look around, so a sign-in service that is away keeps nobody out.
    const session = loadSession().catch((): Session => ({ signed_in: false }));
    Promise.all([loadConfig(), session]).then(
      ([config, session]) => {
        setServiceName(config.name);
        setReady({ config, session });
      },
      (thrown: unknown) => setError(asApiError(thrown)),
    );
  }, []);
  useEffect(begin, [begin]);
  if (error) {
    return (
      <main className="page">
        <Failed error={error} retry={begin} />
      </main>
    );
  }
  if (!ready) return <Loading />;
  return (
    <SessionProvider initial={ready.session}>
      <App config={ready.config} />
    </SessionProvider>
  );
}

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Begin />
    </StrictMode>,
  );
}
