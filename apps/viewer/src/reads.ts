// What several pages read, each under one name, so that a page shows what another has already read.
import {
  type AccountState,
  getAccount,
  listProfiles,
  listProgress,
  listTitles,
  type Progress,
  type Title,
} from "./api/client.ts";
import { type Config, catalogLocale } from "./config.ts";
import { leftOffNotes, withLeftOff } from "./left-off.ts";
import { type Query, useQuery } from "./query.ts";
import { useSession } from "./session.tsx";

export function useTitles(config: Config): Query<Title[]> {
  const locale = catalogLocale(config);
  return useQuery(`titles:${locale}`, (signal) => listTitles(locale, signal));
}

/** The account's subscriptions and purchases, when somebody is signed in. */
export function useAccount(): Query<AccountState> {
  const { accountId, signedIn } = useSession();
  return useQuery(signedIn ? `account:${accountId}` : undefined, getAccount);
}

/** What the account's first profile was watching, latest first. */
export function useProgress(): Query<Progress[]> {
  const { accountId, signedIn } = useSession();
  const read = useQuery(signedIn ? `progress:${accountId}` : undefined, async (signal) => {
    const [profile] = await listProfiles(signal);
    return profile ? listProgress(profile.profile_id, signal) : [];
  });
  const data = read.data && withLeftOff(read.data, leftOffNotes(), Date.now());
  return { ...read, data };
}
