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

/** The languages to ask for texts in, best first. */
export function wantedLocales(config: Config): string[] {
  return [...navigator.languages, config.default_locale];
}

/** The language to ask the catalog for: as the contract writes tags. */
export function catalogLocale(config: Config): string {
  const wellFormed = /^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$/;
  return wantedLocales(config).find((tag) => tag.length <= 35 && wellFormed.test(tag)) ?? config.default_locale;
}
