// What the app learnt at its beginning, kept up to date while it is open: flags change live.
import { useEffect, useRef, useState } from "react";
import { type Config, loadConfig } from "./config.ts";

/** How old it may be when somebody goes to another page. */
const FRESH_MS = 60_000;

/** Asks again when the page is looked at again, when somebody else is signed in, and now and then as pages change. */
export function useLiveConfig(initial: Config, address: string, account: string | undefined): Config {
  const [config, setConfig] = useState(initial);
  const asked = useRef({ at: Date.now(), account });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page is an occasion to ask, not what is asked about
  useEffect(() => {
    const ask = () => {
      asked.current = { at: Date.now(), account };
      // What stood before is good enough while nobody answers.
      void loadConfig().then(setConfig, () => undefined);
    };
    const look = () => document.visibilityState === "visible" && ask();
    document.addEventListener("visibilitychange", look);
    if (asked.current.account !== account || Date.now() - asked.current.at > FRESH_MS) ask();
    return () => document.removeEventListener("visibilitychange", look);
  }, [address, account]);
  return config;
}
