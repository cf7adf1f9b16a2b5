// A film that is still being made: it plays from its beginning, gets longer under the viewer's eyes, and ends where it ends.
import { check, PHONE, scenario, step } from "./chromium.mjs";
import { running } from "./film.mjs";
import { enter, freshEmail } from "./people.mjs";

const [address, seconds] = process.argv.slice(2);
check(seconds, "usage: growing.mjs ADDRESS_OF_FILM SECONDS_OF_FILM");

/** How long the page says that the film is. */
const shown = (page) => page.evaluate(() => Number(document.querySelector("input[type=range]").max));

await scenario(async (arrives) => {
  const visitor = await arrives("viewer", PHONE);
  const { page } = visitor;
  await visitor.open(new URL(address).pathname);
  await page.getByRole("link", { name: "Join" }).click();
  await enter(visitor, freshEmail(), "Create account");
  await page.getByRole("link", { name: "Play", exact: true }).click();
  await running(visitor);
  step("it plays from its beginning");
  const [first, at] = [await shown(page), await page.evaluate(() => document.querySelector("video").currentTime)];
  check(at < 15, `it begins at the beginning, not near the end of what there is: ${at}`);
  check(first > 10 && first < seconds - 10, `there is a part of it: ${first} of ${seconds} seconds`);

  step("it gets longer");
  await page.waitForFunction((first) => Number(document.querySelector("input[type=range]").max) > first + 10, first);
  step("until all of it is there");
  // The player keeps some seconds' distance from the end of what may still get longer.
  const near = seconds - 15;
  await page.waitForFunction((near) => Number(document.querySelector("input[type=range]").max) > near, near, {
    timeout: 120_000, // so long may the rest of the rendition take
  });
  step("and has an end");
  await page.evaluate((near) => (document.querySelector("video").currentTime = near), near);
  await page.waitForFunction(() => document.querySelector("video").ended);
  const end = await page.evaluate(() => document.querySelector("video").currentTime);
  check(Math.abs(end - seconds) < 1, `it ends where the film does: ${end} of ${seconds} seconds`);
});
