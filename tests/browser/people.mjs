// What every scenario does on the way: sign up, choose, pay.
import { randomBytes } from "node:crypto";
import { check } from "./chromium.mjs";

export const GOOD_CARD = "4242 4242 4242 4242";
export const DECLINED_CARD = "4000 0000 0000 0002";
const PASSWORD = "correct horse battery";

/** An address nobody has yet. */
export const freshEmail = () => `viewer-${randomBytes(6).toString("hex")}@viewer.example`;

export const title = (visitor, name) =>
  visitor.page
    .getByRole("link")
    .filter({ has: visitor.page.getByRole("img", { name: `Poster of ${name}` }) })
    .first();

/** Fills in the issuer's form and waits to be back where the app was. */
export async function enter({ page }, email, button) {
  await page.getByLabel("Email address").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: button }).click();
}

/** Types a card and pays. */
export async function pay({ page }, card) {
  await page.getByLabel("Card number").fill(card);
  await page.getByLabel("Expiry").fill(`12 / ${(new Date().getFullYear() + 3) % 100}`);
  await page.getByLabel("Security code").fill("123");
  await page.getByRole("button", { name: /^Pay / }).click();
}

/** Waits until every picture of a title in view is really there. */
export async function posters({ page }, atLeast) {
  await page.waitForFunction((atLeast) => {
    const shown = [...document.images].filter((image) => image.alt.startsWith("Poster of "));
    return (
      shown.length >= atLeast &&
      shown.every((image) => !image.complete || image.naturalWidth > 0) &&
      shown.filter((image) => image.naturalWidth > 0).length >= atLeast
    );
  }, atLeast);
  const broken = await page.evaluate(() =>
    [...document.images].filter((image) => image.complete && image.naturalWidth === 0).map((image) => image.src),
  );
  check(broken.length === 0, `pictures are broken: ${broken.join(", ")}`);
}
