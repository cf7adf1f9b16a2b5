// A film in two languages: the viewer goes over from one to the other, and hears it.
import { check, scenario, step } from "./chromium.mjs";
import { running } from "./film.mjs";
import { enter, freshEmail } from "./people.mjs";

const [address] = process.argv.slice(2);
check(address, "usage: languages.mjs ADDRESS_OF_FILM");
/** What each language sounds like, in hertz. */
const PITCHES = { Deutsch: 440, français: 1320 };

/** Waits until the loudest pitch of what plays is this one. */
async function heard(page, pitch) {
  await page.waitForFunction((pitch) => {
    const video = document.querySelector("video");
    if (!window.ear) {
      const context = new AudioContext();
      const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
      context.createMediaElementSource(video).connect(analyser).connect(context.destination);
      window.ear = { context, analyser, levels: new Float32Array(analyser.frequencyBinCount) };
    }
    const { context, analyser, levels } = window.ear;
    if (video.ended) video.currentTime = 0;
    analyser.getFloatFrequencyData(levels);
    const loudest = levels.indexOf(Math.max(...levels));
    return Math.abs((loudest * context.sampleRate) / analyser.fftSize - pitch) < 20;
  }, pitch);
}

await scenario(async (arrives) => {
  const visitor = await arrives("viewer");
  const { page } = visitor;
  await visitor.open(new URL(address).pathname);
  await page.getByRole("link", { name: "Join" }).click();
  await enter(visitor, freshEmail(), "Create account");
  await page.getByRole("link", { name: "Play", exact: true }).click();
  await running(visitor);
  step("the film begins in its default language");
  await heard(page, PITCHES.Deutsch);
  for (const [language, pitch] of Object.entries(PITCHES).reverse()) {
    step(`over to ${language}`);
    await page.getByRole("button", { name: "Language" }).click();
    await visitor.shoot("player-languages");
    await page.getByRole("radio", { name: language }).click(); // which closes the menu
    await heard(page, pitch);
    await page.getByRole("button", { name: "Language" }).click();
    check(await page.getByRole("radio", { name: language }).isChecked(), `${language} is marked as chosen`);
    await page.keyboard.press("Escape");
  }
});
