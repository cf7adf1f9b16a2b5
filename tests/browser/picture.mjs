// One film twice, encrypted and in the clear: both show the picture that the file has.
import { check, scenario, step } from "./chromium.mjs";
import { checkPicture, difference, frameOf, running, still } from "./film.mjs";
import { enter, freshEmail } from "./people.mjs";

const [file, encrypted, clear] = process.argv.slice(2);
check(clear, "usage: picture.mjs FILE ADDRESS_OF_ENCRYPTED ADDRESS_OF_CLEAR");
/** The file's frames a second, and the middles of some of them. */
const RATE = 25;
const MOMENTS = [0.5, 1.5, 2.5];

await scenario(async (arrives) => {
  const visitor = await arrives("viewer");
  const { page } = visitor;
  const stills = {};
  for (const [how, address] of Object.entries({ encrypted, clear })) {
    step(`the ${how} film plays`);
    await visitor.open(new URL(address).pathname);
    if (how === "encrypted") {
      await page.getByRole("link", { name: "Join" }).click();
      await enter(visitor, freshEmail(), "Create account");
    }
    await page.getByRole("link", { name: "Play", exact: true }).click();
    await running(visitor);
    stills[how] = [];
    for (const moment of MOMENTS) stills[how].push(await still(visitor, moment));
    const keys = await page.evaluate(() => document.querySelector("video").mediaKeys !== null);
    check(keys === (how === "encrypted"), `the ${how} film plays ${keys ? "with" : "without"} a key system`);
  }
  for (const [place, moment] of MOMENTS.entries()) {
    const [locked, open] = [stills.encrypted[place], stills.clear[place]];
    const from = (middle) => difference(locked, frameOf(file, { middle, rate: RATE }));
    const [apart, off, early, late] = [difference(locked, open), from(moment), from(moment - 0.2), from(moment + 0.2)];
    const facts = `${apart.toFixed(2)} from the clear film; from the file ${off.toFixed(2)}`;
    step(`at ${moment} s: ${facts}, ${early.toFixed(2)} and ${late.toFixed(2)} from its frames around, of 255`);
    checkPicture(locked, `the encrypted film at ${moment} s`);
    check(apart < 1, `at ${moment} s the encrypted film differs from the clear one`);
    check(off < 6, `at ${moment} s the encrypted film differs from its file`);
    check(Math.min(early, late) > 1.5 * off, `at ${moment} s the encrypted film is early or late`);
  }
});
