// A person finds a film, signs up, pays, watches, comes back, cancels, rents, and leaves.
import { accessible, tabTo } from "./accessible.mjs";
import { check, PHONE, scenario, step } from "./chromium.mjs";
import { checkPicture, difference, pause, running, still } from "./film.mjs";
import { DECLINED_CARD, enter, freshEmail, GOOD_CARD, pay, posters, title } from "./people.mjs";

const HEADING = { level: 1 };

await scenario(async (arrives) => {
  const visitor = await arrives("newcomer");
  const { page } = visitor;
  const button = (name) => page.getByRole("button", { name, exact: true });
  const link = (name) => page.getByRole("link", { name });
  const heading = (name) => page.getByRole("heading", { ...HEADING, name }).waitFor();

  step("the front page shows rails of posters");
  await visitor.open("/");
  await posters(visitor, 3);
  await page.getByRole("heading", { level: 2, name: /^New on/ }).waitFor();
  await accessible(visitor, "the front page");
  await visitor.shoot("home");

  step("a script that somebody slipped into the page does not run");
  await visitor.stopped("script-src-elem", () =>
    page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "globalThis.intruded = true";
      document.head.append(script);
    }),
  );
  check(await page.evaluate(() => globalThis.intruded === undefined), "an inline script ran");

  step("a poster leads to its title page");
  await title(visitor, "Seahorse Valley").click();
  await heading("Seahorse Valley");
  await link(/Included in Basic/).waitFor();
  await accessible(visitor, "the title page");
  await visitor.shoot("title");

  step("signing up happens at the issuer and leads back to the title");
  const { pathname: titlePath } = new URL(page.url());
  await link("Join").click();
  await visitor.at(/^\/identity\//);
  await heading("Create your account");
  await accessible(visitor, "the sign-up page", ["main", "banner"]);
  await visitor.shoot("sign-up");
  const email = freshEmail();
  await enter(visitor, email, "Create account");
  await visitor.at(new RegExp(`^${titlePath}$`));
  await link(`Account, signed in as ${email}`).waitFor();

  step("the plan is offered, and a declined card says why");
  await link(/Included in Basic/).click();
  await heading("Watch Seahorse Valley");
  await button("Fill in the card ending in 4242").waitFor();
  await accessible(visitor, "the checkout");
  await visitor.shoot("checkout");
  visitor.expect(402, "/billing/v1/checkouts");
  await page.setViewportSize(PHONE);
  await pay(visitor, DECLINED_CARD);
  const declined = page.getByRole("alert").filter({ hasText: "Your card was declined" });
  await declined.waitFor();
  const { y: top, height } = await declined.boundingBox();
  check(top >= 0 && top + height <= PHONE.height, `on a phone the refusal is out of view, at ${top} px`);
  step(`  it says: ${(await declined.innerText()).replace(/\s+/g, " ")}`);
  await visitor.shoot("declined");

  step("a good card buys the plan");
  await pay(visitor, GOOD_CARD);
  await heading("You are in");
  await visitor.shoot("bought");

  step("the keyboard alone leads to Play");
  await visitor.open(titlePath);
  await heading("Seahorse Valley");
  await link(/^Play$/).waitFor();
  await tabTo(visitor, "Play", (name) => name === "Play");
  await page.keyboard.press("Enter");

  step("the encrypted film plays");
  await running(visitor, { beyond: 0.5 });
  check(await page.evaluate(() => document.querySelector("video").mediaKeys !== null), "it plays without a key system");
  check(visitor.requests.includes("/drm/v1/clearkey"), "no licence was asked for");
  const early = await still(visitor, 2);
  checkPicture(early, "the film at 2 s");
  await accessible(visitor, "the player", ["main"]);
  await visitor.shoot("player", { whole: false });

  step("space and the arrows move the film");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelector("video").currentTime > 10);
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction(() => document.querySelector("video").currentTime < 5);
  await page.locator("body").press("Space");
  await running(visitor);
  await pause(visitor);
  const late = await still(visitor, 7.5);
  checkPicture(late, "the film at 7.5 s");
  check(difference(early, late) > 4, "the film shows the same picture at 2 s and at 7.5 s");

  step("leaving and coming back resumes");
  await button("Back to the title").click();
  await link("Resume at 0:07").waitFor();
  await visitor.shoot("title-resume", { whole: false });
  await link("Resume at 0:07").click();
  await running(visitor, { beyond: 6.5 });
  await button("Back to the title").click();
  await heading("Seahorse Valley");

  step("the account shows the plan, and cancels it when asked twice");
  await link(/^Account, signed in/).click();
  await page.getByText(/^Renews on/).waitFor();
  await accessible(visitor, "the account page");
  await visitor.shoot("account");
  await button("Cancel plan").click();
  await page.getByRole("dialog", { name: "Cancel Basic?" }).waitFor();
  await visitor.shoot("cancel", { whole: false });
  await button("Keep my plan").click();
  await button("Cancel plan").click();
  await button("Yes, cancel it").click();
  await page.getByText(/^Canceled. You can watch until/).waitFor();

  step("what was paid for stays playable, and is told apart on the front page");
  await link(/, home$/).click();
  await page.getByRole("heading", { level: 2, name: "Continue watching" }).waitFor();
  await posters(visitor, 4);
  await visitor.shoot("home-continue");

  step("a rental is rented for 48 hours and plays");
  await title(visitor, "Northern Lights").click();
  await heading("Northern Lights");
  await link(/Rent for 48 hours/).click();
  await heading("Watch Northern Lights");
  await pay(visitor, GOOD_CARD);
  await heading("You are in");
  await link("Watch now").click();
  await running(visitor, { beyond: 0.5 });
  checkPicture(await still(visitor, 3), "the rented film");
  await button("Back to the title").click();
  await page.getByText(/^Yours until/).waitFor();

  step("a free film plays");
  await link(/, home$/).click();
  await title(visitor, "A Quiet Colony").click();
  await link(/^Play$/).click();
  await running(visitor, { beyond: 0.5 });
  checkPicture(await still(visitor, 3), "the free film");
  await button("Back to the title").click();

  step("signing out ends the session");
  await link(/^Account, signed in/).click();
  await page.getByText(/^Until /).waitFor();
  await visitor.shoot("account-canceled");
  await button("Sign out").click();
  await link(/^Sign in$/).waitFor();
  await visitor.open("/account");
  await heading("Sign in to see your account");
});
