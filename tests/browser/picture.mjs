// One film, encrypted by DASH and by HLS, and in the clear: all show the picture that the file has.
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
  const plays = async (how, address) => {
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
    check(keys === (how !== "clear"), `the ${how} film plays ${keys ? "with" : "without"} a key system`);
  };
  for (const [how, address] of Object.entries({ encrypted, clear })) await plays(how, address);

  // As where a cache or a network gives HLS alone.
  visitor.expect(404, "/delivery/");
  await page.route("**/*.mpd", (route) => route.fulfill({ status: 404, body: "" }));
  await plays("encrypted HLS", encrypted);
  check(
    visitor.requests.some((path) => /^\/drm\/v1\/clearkey\/[0-9a-f]{32}$/.test(path)),
    "the key is the one that the playlist names",
  );

  step("a key that is refused is told in the licence server's words");
  visitor.expect(403, "/drm/");
  const refusal = { code: "licence_denied", detail: "the rental has ended" };
  await page.route("**/drm/v1/clearkey/*", (route) => route.fulfill({ status: 403, json: refusal }));
  await visitor.open(new URL(encrypted).pathname);
  await page.getByRole("link", { name: "Play", exact: true }).click();
  await page.getByRole("alertdialog", { name: "Your time with this title is over" }).waitFor();

  const pairs = ["encrypted", "encrypted HLS"].flatMap((how) => [...MOMENTS.entries()].map((at) => [how, ...at]));
  for (const [how, place, moment] of pairs) {
    const [locked, open] = [stills[how][place], stills.clear[place]];
    const from = (middle) => difference(locked, frameOf(file, { middle, rate: RATE }));
    const [apart, off, early, late] = [difference(locked, open), from(moment), from(moment - 0.2), from(moment + 0.2)];
    const facts = `${apart.toFixed(2)} from the clear film; from the file ${off.toFixed(2)}`;
    step(`${how} at ${moment} s: ${facts}, ${early.toFixed(2)} and ${late.toFixed(2)} from its frames around, of 255`);
    checkPicture(locked, `the ${how} film at ${moment} s`);
    check(apart < 1, `at ${moment} s the ${how} film differs from the clear one`);
    check(off < 6, `at ${moment} s the ${how} film differs from its file`);
    check(Math.min(early, late) > 1.5 * off, `at ${moment} s the ${how} film is early or late`);
  }
});
