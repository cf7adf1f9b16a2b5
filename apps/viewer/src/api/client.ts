// The operations that this app uses, by name.
import type { components as BillingDoc } from "./generated/billing.ts";
import type { components as VaultDoc } from "./generated/card-vault.ts";
import type { components as CatalogDoc } from "./generated/catalog.ts";
import type { components as PlaybackDoc } from "./generated/playback.ts";
import type { components as ViewersDoc } from "./generated/viewers.ts";
import { call } from "./http.ts";

export type Title = CatalogDoc["schemas"]["Title"];
export type Offer = BillingDoc["schemas"]["Offer"];
export type Money = BillingDoc["schemas"]["Money"];
export type Checkout = BillingDoc["schemas"]["Checkout"];
export type AccountState = BillingDoc["schemas"]["AccountState"];
export type Subscription = BillingDoc["schemas"]["Subscription"];
export type Purchase = BillingDoc["schemas"]["Purchase"];
export type PaymentToken = VaultDoc["schemas"]["PaymentToken"];
export type Profile = ViewersDoc["schemas"]["Profile"];
export type Progress = ViewersDoc["schemas"]["Progress"];
export type Playback = PlaybackDoc["schemas"]["Playback"];
export type Beat = PlaybackDoc["schemas"]["Beat"];

type Signal = AbortSignal | undefined;
type CardBody = { card_number: string; expiry_month: number; expiry_year: number; security_code: string };

/** Pages are followed so far: a front page shows no more. */
const MOST_PAGES = 5;

/** All entries of a list, up to the first {@link MOST_PAGES} pages of 100. */
async function whole<T>(
  page: (cursor: string | undefined) => Promise<{ data: T[]; next_cursor?: string | null }>,
): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  for (let n = 0; n < MOST_PAGES; n++) {
    const { data, next_cursor } = await page(cursor);
    all.push(...data);
    if (!next_cursor) break;
    cursor = next_cursor;
  }
  return all;
}

export const listTitles = (locale: string, signal?: Signal): Promise<Title[]> =>
  whole((cursor) =>
    call("catalog", "get", "/v1/titles", { query: { locale, limit: 100, ...(cursor && { cursor }) }, signal }),
  );

export const getTitle = (title_id: string, locale: string, signal?: Signal): Promise<Title> =>
  call("catalog", "get", "/v1/titles/{title_id}", { path: { title_id }, query: { locale }, signal });

export const listOffers = (
  of: { title_id: string } | { plan: string[] } | undefined,
  signal?: Signal,
): Promise<Offer[]> =>
  whole((cursor) =>
    call("billing", "get", "/v1/offers", { query: { ...of, limit: 100, ...(cursor && { cursor }) }, signal }),
  );

export const createCheckout = (
  body: { offer_id: string; title_id?: string; payment_token: string },
  idempotencyKey: string,
): Promise<Checkout> => call("billing", "post", "/v1/checkouts", { body, idempotencyKey });

export const getCheckout = (checkout_id: string, signal?: Signal): Promise<Checkout> =>
  call("billing", "get", "/v1/checkouts/{checkout_id}", { path: { checkout_id }, signal });

export const getAccount = (signal?: Signal): Promise<AccountState> => call("billing", "get", "/v1/account", { signal });

export const cancelSubscription = (subscription_id: string): Promise<Subscription> =>
  call("billing", "post", "/v1/subscriptions/{subscription_id}/cancel", { path: { subscription_id } });

/** The one place a card number goes to. */
export const createToken = (body: CardBody): Promise<PaymentToken> =>
  call("payment-gateway", "post", "/v1/tokens", { body });

export const listProfiles = async (signal?: Signal): Promise<Profile[]> =>
  (await call("viewers", "get", "/v1/profiles", { signal })).data;

export const renameProfile = (profile: Profile, name: string): Promise<Profile> =>
  call("viewers", "put", "/v1/profiles/{profile_id}", {
    path: { profile_id: profile.profile_id },
    body: { name, age_limit: profile.age_limit ?? null, expected_version: profile.version },
  });

export const listProgress = async (profile_id: string, signal?: Signal): Promise<Progress[]> =>
  (
    await call("viewers", "get", "/v1/profiles/{profile_id}/progress", {
      path: { profile_id },
      query: { limit: 100 },
      signal,
    })
  ).data;

export const startPlayback = (
  body: { title_id: string; device_id: string; device_name: string },
  idempotencyKey: string,
  signal?: Signal,
): Promise<Playback> => call("playback", "post", "/v1/sessions", { body, idempotencyKey, signal });

export const heartbeat = (session_id: string, position_seconds: number, paused: boolean): Promise<Beat> =>
  call("playback", "post", "/v1/sessions/{session_id}/heartbeat", {
    path: { session_id },
    body: { position_seconds, paused },
  });

/** Outlives the page: it is sent while the viewer leaves. */
export const stopPlayback = (session_id: string, position_seconds: number): Promise<unknown> =>
  call("playback", "post", "/v1/sessions/{session_id}/stop", {
    path: { session_id },
    body: { position_seconds },
    keepalive: true,
  });
