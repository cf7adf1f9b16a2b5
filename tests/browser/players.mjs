// Every output that Chromium can play, in Shaka Player and in hls.js: the picture, other renditions, seeking, languages.
import { readFileSync } from "node:fs";
import { check, inTime, scenario, SITE, step } from "./chromium.mjs";
import { checkPicture, difference, frameOf, still } from "./film.mjs";
import { DOCUMENT, LIBRARIES } from "./players-page.mjs";

const [file, facts] = process.argv.slice(2);
check(facts, "usage: players.mjs FILM FACTS");
/** Of each film: where it is below the signed prefix, how licences are got, and how its codec's names begin. */
const films = JSON.parse(readFileSync(facts, "utf8"));
const PAGE = "/players-under-test";
/** The film's frames a second, and the middles of some of them: the last one is another segment's. */
const RATE = 25;
const MOMENTS = [1.5, 6.5];
/** What each language sounds like, in hertz. */
const PITCHES = { de: 440, fr: 1320 };

/** What there is to play: which film, by which player, and the manifest's name. */
function* outputs() {
  const schemes = { clear: [""], encrypted: ["-cbcs", "-cenc"], divided: ["-cbcs", "-cenc"] };
  for (const [film, names] of Object.entries(schemes).filter(([film]) => films[film])) {
    for (const scheme of names) {
      for (const addressing of ["", "-ranges"]) {
        yield { film, player: "shaka", manifest: `manifest${scheme}${addressing}.mpd` };
        const alone = film === "clear" ? "" : "-clearkey";
        // hls.js at times stands still where protected AV1, or what has several keys, changes its rendition.
        const stalls = film === "divided" || (film !== "clear" && films[film].codec === "av01");
        if (!stalls) yield { film, player: "hls", manifest: `master${scheme}${addressing}${alone}.m3u8` };
        yield { film, player: "shaka", manifest: `master${scheme}${addressing}.m3u8` };
      }
    }
  }
}

async function open(visitor, { film, player, manifest }, more = {}) {
  const { page } = visitor;
  await visitor.open(PAGE);
  await page.addScriptTag({ path: LIBRARIES[player] });
  const { prefix, token, licences } = films[film];
  const facts = { player, url: SITE + prefix + manifest, token, licences, ...more };
  await inTime(page.evaluate((facts) => window.start(facts), facts), "a start");
}

/** The tallest rendition, or the smallest, is on screen. */
async function choose({ page }, which) {
  const height = await page.evaluate((which) => window.choose(which), which);
  // A paused video shows what it has until it is sought in.
  const shown = (height) => {
    const video = document.querySelector("video");
    if (video.videoHeight === height) return !video.seeking;
    // A seek that the change of rendition has overtaken may never end.
    window.waited = video.seeking ? (window.waited ?? 0) + 1 : 0;
    if (window.waited % 10 === 0) video.currentTime = video.currentTime < 1 ? 1.2 : 0.4;
    return false;
  };
  await page.waitForFunction(shown, height, { polling: 500 });
  return height;
}

/** Plays on from a moment until the loudest pitch is this one. */
async function heard({ page }, language, pitch) {
  await inTime(page.evaluate((language) => window.speak(language), language), "another language");
  await page.waitForFunction((pitch) => window.loudest(pitch), pitch);
  await page.evaluate(() => document.querySelector("video").pause());
}

/**
 * Plays it all. A player at times stands still for good, hls.js at its first change of rendition whatever is served: a viewer reloads.
 * What stands still twice fails.
 */
async function playsAtLast(visitor, output, reference) {
  try {
    return await plays(visitor, output, reference);
  } catch (error) {
    if (error.name !== "TimeoutError") throw error;
    step(`  it stands still: once more (${error.message.split("\n")[0]})`);
    return plays(visitor, output, reference);
  }
}

async function plays(visitor, output, reference) {
  await open(visitor, output);
  const tall = await choose(visitor, "tallest");
  const pictures = [];
  for (const moment of MOMENTS) {
    const picture = await still(visitor, moment);
    const from = (middle) => difference(picture, frameOf(file, { middle, rate: RATE }));
    const [off, early, late] = [from(moment), from(moment - 0.2), from(moment + 0.2)];
    checkPicture(picture, `${output.manifest} at ${moment} s`);
    const facts = `${off.toFixed(2)} from the film's frame, ${early.toFixed(2)} and ${late.toFixed(2)} from those around`;
    step(`  at ${moment} s: ${facts}, of 255`);
    check(off < 12, `at ${moment} s the picture is not the film's`);
    check(Math.min(early, late) > 1.3 * off, `at ${moment} s the picture is early or late`);
    if (reference) {
      const apart = difference(picture, reference[pictures.length]);
      check(apart < 1, `at ${moment} s the picture is ${apart.toFixed(2)} from the clear one`);
    }
    pictures.push(picture);
  }
  for (const [language, pitch] of Object.entries(PITCHES).reverse()) await heard(visitor, language, pitch);
  const small = await choose(visitor, "smallest");
  check(small < tall, `there is one rendition, of ${tall} lines`);
  const picture = await still(visitor, MOMENTS[0]);
  const off = difference(picture, frameOf(file, { middle: MOMENTS[0], rate: RATE }));
  check(off < 20, `the smallest rendition is ${off.toFixed(2)} from the film's`);
  const encrypted = await visitor.page.evaluate(() => document.querySelector("video").mediaKeys !== null);
  check(encrypted === (output.film !== "clear"), `it plays ${encrypted ? "with" : "without"} a key system`);
  const codec = await visitor.page.evaluate(() => window.codec());
  check(codec.startsWith(films[output.film].codec), `the pictures are in ${codec}`);
  check((await visitor.page.evaluate(() => window.faults)).length === 0, "the player tells of no fault");
  return pictures;
}

/** The ids of the keys that a film's HLS playlists name. */
async function keysOf({ page }, { prefix }) {
  return page.evaluate(async (master) => {
    const read = async (url) => (await fetch(url)).text();
    const playlists = new Set((await read(master)).match(/[^"\s]+\.m3u8/g));
    const texts = await Promise.all([...playlists].map((uri) => read(new URL(uri, master))));
    return [...new Set(texts.flatMap((text) => text.match(/KEYID=0x[0-9a-fA-F]{32}/g) ?? []))];
  }, `${SITE}${prefix}master.m3u8`);
}

/** With the right key's id and another key nothing of the film is seen. */
async function fails(visitor, manifest) {
  await open(visitor, { film: "encrypted", player: "shaka", manifest }, { wrong: true });
  const { page } = visitor;
  await page.waitForFunction(() => {
    const video = document.querySelector("video");
    return window.faults.length > 0 || video.error || (video.readyState >= 2 && video.currentTime > 0.2);
  });
  if (await page.evaluate(() => window.faults.length > 0 || document.querySelector("video").error !== null)) return;
  const picture = await still(visitor, MOMENTS[0]);
  const off = difference(picture, frameOf(file, { middle: MOMENTS[0], rate: RATE }));
  check(off > 30, `with a wrong key the picture is only ${off.toFixed(2)} from the film's`);
}

await scenario(async (arrives) => {
  const visitor = await arrives("viewer");
  await visitor.page.route(SITE + PAGE, (route) => route.fulfill({ contentType: "text/html", body: DOCUMENT }));
  let reference;
  for (const output of outputs()) {
    step(`${output.player} plays ${output.manifest} of the ${output.film} film`);
    const pictures = await playsAtLast(visitor, output, reference);
    reference ??= pictures;
  }
  if (films.divided) check((await keysOf(visitor, films.divided)).length === 3, "each class and the sound have a key");
  for (const manifest of films.encrypted ? ["manifest-cbcs.mpd", "manifest-cenc-ranges.mpd"] : []) {
    step(`${manifest} does not play with a wrong key`);
    await fails(visitor, manifest);
  }
});
