// What the video element really shows: pixels of screenshots, read by FFmpeg. A canvas would not prove it.
import { spawnSync } from "node:child_process";
import { check, inTime } from "./chromium.mjs";

const [WIDTH, HEIGHT] = [128, 72];

/** Waits until the film runs. */
export async function running({ page }, { beyond = 0 } = {}) {
  await page.waitForFunction((beyond) => {
    const video = document.querySelector("video");
    return video && !video.paused && video.readyState >= 3 && video.currentTime > beyond;
  }, beyond);
}

/** Pauses it by keyboard. */
export async function pause({ page }) {
  await page.locator("body").press("Space");
  await page.waitForFunction(() => document.querySelector("video").paused);
}

/** Pauses the film at a moment and gives the picture as shown, without what lies over it. */
export async function still({ page }, seconds) {
  const asked = page.evaluate(async (seconds) => {
    const video = document.querySelector("video");
    video.pause();
    // A frame of an earlier seek may come yet.
    const shown = new Promise((done) => {
      const look = (_, { mediaTime }) =>
        Math.abs(mediaTime - seconds) < 0.1 ? done() : video.requestVideoFrameCallback(look);
      video.requestVideoFrameCallback(look);
    });
    video.currentTime = seconds;
    await shown;
    for (const other of video.parentElement.children) {
      if (other !== video) other.style.setProperty("display", "none", "important");
    }
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const { x, y, width, height } = video.getBoundingClientRect();
    const scale = Math.min(width / video.videoWidth, height / video.videoHeight); // the rest is black bars
    const [w, h] = [video.videoWidth * scale, video.videoHeight * scale];
    return { x: x + (width - w) / 2, y: y + (height - h) / 2, width: w, height: h };
  }, seconds);
  const clip = await inTime(asked, `the picture at ${seconds} s`);
  const image = await page.screenshot({ clip });
  await page.evaluate(() => {
    for (const other of document.querySelector("video").parentElement.children) other.style.removeProperty("display");
  });
  return pixels(["-f", "png_pipe", "-i", "pipe:0"], image);
}

/** The frame of a file that is on screen in the middle of its time, as FFmpeg decodes it. */
export function frameOf(file, { middle, rate }) {
  // FFmpeg gives the first frame that begins at or after a time.
  return pixels(["-ss", String(middle - 0.75 / rate), "-i", file]);
}

function pixels(source, input) {
  const format = [
    "-frames:v",
    "1",
    "-vf",
    `format=rgb24,scale=${WIDTH}:${HEIGHT}:flags=area`,
    "-pix_fmt",
    "rgb24",
    "-f",
    "rawvideo",
  ];
  const { status, stdout, stderr } = spawnSync("ffmpeg", ["-v", "error", ...source, ...format, "pipe:1"], { input });
  check(status === 0 && stdout.length === WIDTH * HEIGHT * 3, `ffmpeg could not read a picture: ${stderr}`);
  return stdout;
}

/** Mean colour of a picture, 0 to 255 for red, green and blue. */
export function colourOf(image) {
  const picture = pixels(["-f", "png_pipe", "-i", "pipe:0"], image);
  const mean = (first) => {
    const samples = picture.filter((_, place) => place % 3 === first);
    return samples.reduce((sum, value) => sum + value, 0) / samples.length;
  };
  return [mean(0), mean(1), mean(2)];
}

/** Mean difference of two pictures, 0 to 255 a sample. */
export function difference(one, other) {
  return one.reduce((sum, value, place) => sum + Math.abs(value - other[place]), 0) / one.length;
}

/** Fails when a picture is flat, as what was not decrypted or not drawn is. */
export function checkPicture(picture, what) {
  const mean = picture.reduce((sum, value) => sum + value, 0) / picture.length;
  const spread = Math.sqrt(picture.reduce((sum, value) => sum + (value - mean) ** 2, 0) / picture.length);
  const colours = new Set();
  for (let at = 0; at < picture.length; at += 3) {
    colours.add(((picture[at] >> 4) << 8) | ((picture[at + 1] >> 4) << 4) | (picture[at + 2] >> 4));
  }
  check(spread > 8 && colours.size > 24, `${what} is flat: spread ${spread.toFixed(1)}, ${colours.size} colours`);
}
