// What `tessera package` writes, from a folder as any web server gives it: VP9 with Opus, in the clear and under both schemes.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { check, scenario, SITE, step } from "./chromium.mjs";
import { checkPicture, difference, frameOf, running, still } from "./film.mjs";
import { DOCUMENT, LIBRARIES } from "./players-page.mjs";

const [film, folder, keyId, key] = process.argv.slice(2);
check(key, "usage: packaged.mjs FILM FOLDER KEY_ID KEY");
const PAGE = "/players-under-test";
const LICENCES = `${PAGE}/licences`;
/** The film's frames a second, the middles of some of them, and its pitch in hertz. */
const RATE = 25;
const MOMENTS = [1.5, 6.5];
const PITCH = 440;

const base64 = (digits) => Buffer.from(digits, "hex").toString("base64url");

/** Gives a file of the folder, or the range of it that is asked for. */
async function give(route) {
  const request = route.request();
  const bytes = readFileSync(join(folder, new URL(request.url()).pathname.slice(PAGE.length + 1)));
  const range = /^bytes=(\d+)-(\d*)$/.exec((await request.headerValue("range")) ?? "");
  if (!range) return route.fulfill({ body: bytes });
  const [from, to] = [Number(range[1]), range[2] ? Math.min(Number(range[2]), bytes.length - 1) : bytes.length - 1];
  const headers = { "content-range": `bytes ${from}-${to}/${bytes.length}` };
  return route.fulfill({ status: 206, headers, body: bytes.subarray(from, to + 1) });
}

await scenario(async (arrives) => {
  const visitor = await arrives("viewer");
  const { page } = visitor;
  const licence = { keys: [{ kty: "oct", kid: base64(keyId), k: base64(key) }], type: "temporary" };
  await page.route(`${SITE}${PAGE}/**`, give);
  await page.route(SITE + LICENCES, (route) => route.fulfill({ json: licence }));
  await page.route(SITE + PAGE, (route) => route.fulfill({ contentType: "text/html", body: DOCUMENT }));
  let reference;
  for (const scheme of ["clear", "cbcs", "cenc"]) {
    step(`VP9 with Opus, ${scheme}`);
    await visitor.open(PAGE);
    await page.addScriptTag({ path: LIBRARIES.shaka });
    const url = `${SITE}${PAGE}/${scheme}/manifest.mpd`;
    const licences = scheme === "clear" ? undefined : LICENCES;
    await page.evaluate((facts) => window.start(facts), { player: "shaka", url, token: "none", licences });
    await running(visitor); // a seek before the player's own would be lost
    const pictures = [];
    for (const moment of MOMENTS) {
      const picture = await still(visitor, moment);
      checkPicture(picture, `${scheme} at ${moment} s`);
      const off = difference(picture, frameOf(film, { middle: moment, rate: RATE }));
      const apart = reference ? difference(picture, reference[pictures.length]) : 0;
      step(`  at ${moment} s: ${off.toFixed(2)} from the film's frame, ${apart.toFixed(2)} from the clear one, of 255`);
      check(off < 6, `at ${moment} s the picture is not the film's`);
      check(apart < 1, `at ${moment} s the picture is not the clear one`);
      pictures.push(picture);
    }
    reference ??= pictures;
    await page.evaluate(() => window.speak("de"));
    await page.waitForFunction((pitch) => window.loudest(pitch), PITCH);
    const [codec, keys] = await page.evaluate(() => [
      window.codec(),
      document.querySelector("video").mediaKeys !== null,
    ]);
    check(codec.startsWith("vp09"), `the pictures are in ${codec}`);
    check(keys === (scheme !== "clear"), `it plays ${keys ? "with" : "without"} a key system`);
    check((await page.evaluate(() => window.faults)).length === 0, "the player tells of no fault");
  }
});
