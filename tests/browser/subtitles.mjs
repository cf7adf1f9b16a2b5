// A film twice, encrypted and in the clear, with subtitles in two languages and for two kinds of viewers, over every way
// they are served; and the seek bar's pictures.
import { check, DESKTOP, PHONE, scenario, step } from "./chromium.mjs";
import { colourOf, pause, running } from "./film.mjs";
import { enter, freshEmail } from "./people.mjs";

const [address, clear] = process.argv.slice(2);
check(clear, "usage: subtitles.mjs ADDRESS_OF_ENCRYPTED ADDRESS_OF_CLEAR");
/** What each choice says while a cue is shown, which is from 4 to 14 and from 25 to 35 seconds. */
const TEXTS = { Deutsch: "Ein Tag am Meer", "Deutsch (SDH)": "(Wellen rauschen)", English: "A day at sea" };
const [BEFORE, WITHIN, BETWEEN] = [2, 8, 18];

async function seek(page, seconds) {
  await page.evaluate(async (seconds) => {
    const video = document.querySelector("video");
    const there = new Promise((done) => video.addEventListener("seeked", done, { once: true }));
    video.currentTime = seconds;
    await there;
  }, seconds);
}

/** What is written over the film, as a person reads it. */
const written = (page) => page.locator(".shaka-text-container").innerText();

/** Waits until the film shows this text and no other. */
async function reads(page, text) {
  await page.waitForFunction((text) => {
    const shown = document.querySelector(".shaka-text-container")?.innerText ?? "";
    return shown.replaceAll(/\s+/g, " ").trim() === text;
  }, text);
}

async function choose(page, name) {
  await page.getByRole("button", { name: "Subtitles" }).click();
  await page.getByRole("radio", { name, exact: true }).click(); // which closes the menu
  await page.getByRole("button", { name: "Subtitles" }).click();
  check(await page.getByRole("radio", { name, exact: true }).isChecked(), `${name} is marked as chosen`);
  await page.keyboard.press("Escape");
}

async function begins(visitor) {
  await running(visitor);
  await pause(visitor);
}

/** The picture above the seek bar where the mouse, or what `point` moves, is put at this moment of the film. */
async function thumbnail(page, seconds, point = (x, y) => page.mouse.move(x, y)) {
  const { x, y, width, height } = await page.getByRole("slider", { name: "Position" }).boundingBox();
  const duration = await page.evaluate(() => document.querySelector("video").duration);
  // In the middle of that second.
  await point(x + 8 + ((width - 16) * (seconds + 0.5)) / duration, y + height / 2);
  const picture = page.locator(".preview-picture");
  await picture.waitFor();
  const stamp = `0:${String(seconds).padStart(2, "0")}`;
  await page.locator(".preview").getByText(stamp, { exact: true }).waitFor();
  await page.waitForFunction(async () => {
    const element = document.querySelector(".preview-picture");
    const [, uri] = /url\("(.*)"\)/.exec(getComputedStyle(element).backgroundImage) ?? [];
    const image = new Image();
    image.src = uri ?? "";
    return uri && (await image.decode().then(
      () => true,
      () => false,
    ));
  });
  return colourOf(await picture.screenshot());
}

/** Red, blue, or neither. */
const colourName = ([red, , blue]) => (red > 180 && blue < 60 ? "red" : blue > 180 && red < 60 ? "blue" : "neither");

/** A finger on the screen, which `to` puts down or moves. */
async function finger({ context, page }) {
  const screen = await context.newCDPSession(page);
  await screen.send("Emulation.setTouchEmulationEnabled", { enabled: true });
  const say = (type, touchPoints) => screen.send("Input.dispatchTouchEvent", { type, touchPoints });
  let down = false;
  return {
    async to(x, y) {
      await say(down ? "touchMove" : "touchStart", [{ x, y }]);
      down = true;
    },
    async lift() {
      await say("touchEnd", []);
      await screen.send("Emulation.setTouchEmulationEnabled", { enabled: false });
    },
  };
}

await scenario(async (arrives) => {
  const visitor = await arrives("viewer");
  const { page } = visitor;
  await visitor.open(new URL(address).pathname);
  await page.getByRole("link", { name: "Join" }).click();
  await enter(visitor, freshEmail(), "Create account");
  await page.getByRole("link", { name: "Play", exact: true }).click();
  await begins(visitor);

  step("subtitles are off until somebody wants them");
  await seek(page, WITHIN);
  check((await page.locator(".shaka-text-container").count()) === 0 || !(await written(page)), "nothing is written");

  for (const [name, text] of Object.entries(TEXTS)) {
    step(`${name} at their times`);
    await choose(page, name);
    await seek(page, WITHIN);
    await reads(page, text);
    for (const moment of [BETWEEN, BEFORE]) {
      await seek(page, moment);
      await reads(page, "");
    }
  }
  await seek(page, WITHIN);
  await reads(page, TEXTS.English);
  await visitor.shoot("player-subtitles");
  await page.getByRole("button", { name: "Subtitles" }).click();
  await visitor.shoot("player-subtitles-menu");

  step("by keyboard alone, and told to who does not see");
  await page.keyboard.press("ArrowUp"); // within the menu
  await reads(page, TEXTS["Deutsch (SDH)"]);
  await page.keyboard.press("Escape");
  await page.getByRole("status").getByText("Subtitles: Deutsch (SDH)").waitFor();
  await page.locator("body").press("c");
  await reads(page, "");
  await page.getByRole("status").getByText("Subtitles are off").waitFor();
  await page.locator("body").press("c");
  await reads(page, TEXTS["Deutsch (SDH)"]);

  step("pictures above the seek bar");
  for (const size of [PHONE, DESKTOP]) {
    await page.setViewportSize(size);
    for (const [seconds, name] of [
      [5, "red"],
      [31, "blue"],
    ]) {
      const colour = await thumbnail(page, seconds);
      check(colourName(colour) === name, `the thumbnail at ${seconds} s is ${name}: ${colour.map(Math.round)}`);
      await visitor.snap(`player-thumbnail-${name}`);
    }
  }

  step("a finger looks for a moment, and the film goes there when it is lifted");
  await page.mouse.move(0, 0);
  await page.setViewportSize(PHONE);
  await seek(page, BEFORE);
  await page.evaluate(() => {
    window.seeks = [];
    const video = document.querySelector("video");
    video.addEventListener("seeking", () => window.seeks.push(video.currentTime));
  });
  const touch = await finger(visitor);
  for (const [seconds, name] of [
    [5, "red"],
    [12, "red"],
    [31, "blue"],
    [28, "blue"],
  ]) {
    const colour = await thumbnail(page, seconds, (x, y) => touch.to(x, y - 3 * (seconds % 5)));
    check(colourName(colour) === name, `the thumbnail at ${seconds} s is ${name}: ${colour.map(Math.round)}`);
    const position = await page.getByRole("slider", { name: "Position" }).inputValue();
    check(Math.abs(position - seconds - 0.5) < 0.5, `the bar is at ${position} s, and the finger at ${seconds} s`);
  }
  await visitor.snap("player-touch");
  check((await page.evaluate(() => window.seeks)).length === 0, "the film stays where it is below a finger");
  await touch.lift();
  await page.locator(".preview").waitFor({ state: "detached" });
  await page.waitForFunction(() => window.seeks.length > 0 && !document.querySelector("video").seeking);
  const seeks = await page.evaluate(() => window.seeks);
  check(seeks.length === 1 && Math.abs(seeks[0] - 28.5) < 0.5, `it goes to 28 s once: ${seeks}`);
  await page.setViewportSize(DESKTOP);

  step("remembered on this browser, as samples of MP4");
  await page.route("**/manifest.mpd", (route) =>
    route.continue({ url: route.request().url().replace("manifest.mpd", "manifest-wvtt.mpd") }),
  );
  await page.reload();
  await begins(visitor);
  await seek(page, WITHIN);
  await reads(page, TEXTS["Deutsch (SDH)"]);
  check(
    visitor.requests.some((path) => path.endsWith("/init.mp4") && path.includes("/text/")),
    "the player has fetched samples",
  );

  step("and in HLS");
  visitor.expect(404, "/delivery/");
  await page.route("**/manifest.mpd", (route) => route.fulfill({ status: 404, body: "" }));
  await visitor.open(new URL(clear).pathname);
  await page.getByRole("link", { name: "Play", exact: true }).click();
  await begins(visitor);
  await seek(page, WITHIN);
  await reads(page, TEXTS["Deutsch (SDH)"]);
  check(
    visitor.requests.some((path) => /\/text\/.*\/1\.vtt$/.test(path)),
    "the player has fetched segments of text",
  );
  step("off");
  await choose(page, "Off");
  await reads(page, "");
});
