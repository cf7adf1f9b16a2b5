// What the app learns at run time about the tenant it is shown for.

import { ApiError } from "./api/problem.ts";

export interface Config {
  tenant: string;
  name: string;
  issuer: string;
  client_id: string;
  default_locale: string;
  logo?: Picture | null;
  support_email?: string | null;
  terms_url?: string | null;
  privacy_url?: string | null;
  /** Feature flags for this tenant and whoever is signed in, by key; all begin with `app.`. */
  flags?: Record<string, unknown>;
}

/** A picture of the tenant's brand. Its colours come by style sheet, before any script. */
export interface Picture {
  url: string;
  width: number;
  height: number;
}

export async function loadConfig(): Promise<Config> {
  const response = await fetch("/app/config.json").catch(() => undefined);
  if (!response?.ok) throw new ApiError({ status: response?.status ?? 0, code: "unavailable", detail: "" });
  return (await response.json()) as Config;
}

/** What the operator has to say to everybody here, such as that the service is looked after tonight. */
export function notice({ flags }: Config): string {
  const said = flags?.["app.notice"];
  return typeof said === "string" ? said.trim() : "";
}

/** Whether anything can be bought at the moment. */
export function sells({ flags }: Config): boolean {
  return flags?.["app.checkout"] !== false;
}

/** The languages to ask for texts in, best first. */
export function wantedLocales(config: Config): string[] {
  return [...navigator.languages, config.default_locale];
}

/** The language to ask the catalog for: as the contract writes tags. */
export function catalogLocale(config: Config): string {
  const wellFormed = /^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$/;
  return wantedLocales(config).find((tag) => tag.length <= 35 && wellFormed.test(tag)) ?? config.default_locale;
}
