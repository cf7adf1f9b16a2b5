// Two devices of an account play; a third is told which, and gets in once one of them stops.
import { accessible } from "./accessible.mjs";
import { check, scenario, step } from "./chromium.mjs";
import { pause, running } from "./film.mjs";
import { enter, freshEmail, GOOD_CARD, pay, title } from "./people.mjs";

await scenario(async (arrives) => {
  const email = freshEmail();
  const [first, second, third] = [await arrives("first"), await arrives("second"), await arrives("third")];
  const play = (visitor) => visitor.page.getByRole("link", { name: "Play", exact: true });

  step("the first device signs up, buys the plan and plays");
  await first.open("/");
  await title(first, "Seahorse Valley").click();
  await first.page.getByRole("link", { name: "Join" }).click();
  await enter(first, email, "Create account");
  await first.page.getByRole("link", { name: /Included in Basic/ }).click();
  await pay(first, GOOD_CARD);
  await first.page.getByRole("link", { name: "Watch now" }).click();
  await running(first);
  await pause(first); // a paused film keeps its slot, and does not end meanwhile
  const { pathname: watch } = new URL(first.page.url());

  step("the second and the third sign in; the second plays");
  for (const visitor of [second, third]) {
    await visitor.open("/");
    await title(visitor, "Seahorse Valley").click();
    await visitor.page.getByRole("link", { name: "Sign in", exact: true }).click();
    await enter(visitor, email, "Sign in");
    await play(visitor).waitFor();
  }
  await play(second).click();
  await running(second);
  await pause(second);

  step("the third is told which devices watch");
  third.expect(409, "/playback/v1/sessions");
  await play(third).click();
  const told = third.page.getByRole("alertdialog", { name: "Too many screens at once" });
  await told.waitFor();
  const words = (await told.innerText()).replace(/\s+/g, " ");
  step(`  it says: ${words}`);
  check(
    words.split("Chromium on").length >= 3 || words.split("Chrome on").length >= 3,
    `it names no devices: ${words}`,
  );
  await accessible(third, "the player that may not play", ["main"]);
  await third.shoot("limit", { whole: false });
  check(third.page.url().endsWith(watch), "it was sent away");

  step("it gets in once the first stops, and the second plays on");
  await first.page.getByRole("button", { name: "Back to the title" }).click();
  await first.page.getByRole("heading", { level: 1, name: "Seahorse Valley" }).waitFor();
  await third.page.getByRole("button", { name: "Try again" }).click();
  await running(third);
  await second.page.locator("body").press("Space");
  await running(second);
  check(await second.page.getByRole("alertdialog").isHidden(), "the second device was stopped");
});
