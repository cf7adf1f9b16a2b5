// Reading from the API in a component: shown from memory at once, and asked anew behind it.
import { useCallback, useEffect, useState } from "react";
import { type ApiError, asApiError } from "./api/problem.ts";

export interface Query<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  reload: () => void;
}

const memory = new Map<string, unknown>();

/** Forgets what was read: another person signs in, or something was bought. */
export function forget(prefix = ""): void {
  for (const key of memory.keys()) if (key.startsWith(prefix)) memory.delete(key);
}

/** Reads `key` with `read`. Without a key nothing is read. */
export function useQuery<T>(key: string | undefined, read: (signal: AbortSignal) => Promise<T>): Query<T> {
  const [state, setState] = useState<{ key: string | undefined; data?: T; error?: ApiError }>({ key });
  const [round, setRound] = useState(0);
  const remembered = key === undefined ? undefined : (memory.get(key) as T | undefined);
  const data = (state.key === key ? state.data : undefined) ?? remembered;
  const error = state.key === key ? state.error : undefined;

  // `read` is a new closure at each render; the key says what it reads.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  useEffect(() => {
    if (key === undefined) return;
    const abort = new AbortController();
    read(abort.signal).then(
      (fresh) => {
        if (abort.signal.aborted) return;
        memory.set(key, fresh);
        setState({ key, data: fresh });
      },
      (thrown: unknown) => {
        if (abort.signal.aborted) return;
        setState((before) => ({ ...(before.key === key ? before : { key }), error: asApiError(thrown) }));
      },
    );
    return () => abort.abort();
  }, [key, round]);

  const reload = useCallback(() => {
    setState((before) => (before.key === key && before.data !== undefined ? { key, data: before.data } : { key }));
    setRound((n) => n + 1);
  }, [key]);
  return { data, error, loading: key !== undefined && data === undefined && error === undefined, reload };
}
