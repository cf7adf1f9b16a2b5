// Who is signed in. Sign-in and sign-up are the issuer's pages: the app goes there and comes back.
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { setCsrf } from "./api/http.ts";
import { ApiError, errorOf } from "./api/problem.ts";
import { forget } from "./query.ts";

interface Answer {
  signed_in: boolean;
  account_id?: string;
  email?: string;
  csrf_token?: string;
}

export interface Session {
  signedIn: boolean;
  accountId: string | undefined;
  email: string | undefined;
  signOut: () => Promise<void>;
  /** Asks again: after a 401 the session may be gone. */
  refresh: () => Promise<void>;
}

async function ask(): Promise<Answer> {
  const response = await fetch("/auth/session", {
    headers: { accept: "application/json" },
    credentials: "same-origin",
  }).catch(() => undefined);
  if (!response) throw new ApiError({ status: 0, code: "network", detail: "" });
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as Answer;
}

async function freshToken(): Promise<string | undefined> {
  const { csrf_token } = await ask();
  setCsrf(csrf_token, freshToken);
  return csrf_token;
}

/** Ends the session here. Answers where to go on to, where the issuer is elsewhere and has a session of its own to end. */
async function endSession(token: string | undefined): Promise<string | undefined> {
  const headers = token ? { "x-csrf-token": token } : undefined;
  const response = await fetch("/auth/logout", {
    method: "POST",
    credentials: "same-origin",
    ...(headers && { headers }),
  });
  if (!response.ok) throw await errorOf(response);
  const { redirect_to } = (await response.json()) as { redirect_to: string };
  return redirect_to.startsWith("/") ? undefined : redirect_to;
}

/** Where the browser goes to sign in, or to sign up (`prompt=create` of OpenID Connect); it comes back to `returnTo`. */
export function signInUrl(screen: "sign-in" | "sign-up", returnTo: string): string {
  const query = new URLSearchParams({ return_to: returnTo });
  if (screen === "sign-up") query.set("prompt", "create"); // OpenID's word for it (Initiating User Registration 1.0)
  return `/auth/login?${query}`;
}

const Current = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(Current);
  if (!session) throw new Error("useSession is used outside SessionProvider");
  return session;
}

export async function loadSession(): Promise<Answer> {
  const answer = await ask();
  setCsrf(answer.csrf_token, freshToken);
  return answer;
}

export function SessionProvider({ initial, children }: { initial: Answer; children: ReactNode }) {
  const [answer, setAnswer] = useState(initial);
  const refresh = useCallback(async () => setAnswer(await loadSession()), []);
  useEffect(() => {
    // Signed in or out in another tab: look again when this one is looked at.
    const look = () => document.visibilityState === "visible" && void refresh().catch(() => undefined);
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [refresh]);
  const session = useMemo<Session>(
    () => ({
      signedIn: answer.signed_in,
      accountId: answer.account_id,
      email: answer.email,
      refresh,
      signOut: async () => {
        const elsewhere = await endSession(answer.csrf_token).catch(async (error: unknown) => {
          if (!(error instanceof ApiError) || error.status !== 403) throw error;
          return endSession(await freshToken());
        });
        forget();
        if (elsewhere) {
          location.assign(elsewhere);
          return new Promise(() => undefined); // the page goes away
        }
        await refresh();
      },
    }),
    [answer, refresh],
  );
  return <Current value={session}>{children}</Current>;
}
