// Somebody signs up at a provider that is not ours, watches at one brand, and is known at the other without a password.
// Arguments: the other brand's address, the provider's.
import { check, scenario, SITE, step } from "./chromium.mjs";
import { running } from "./film.mjs";
import { enter, freshEmail, title } from "./people.mjs";

const [other, provider] = process.argv.slice(2);

await scenario(async (arrives) => {
  const visitor = await arrives("everywhere");
  const { page } = visitor;
  const link = (name) => page.getByRole("link", { name });
  const email = freshEmail();
  const signedIn = () => link(`Account, signed in as ${email}`).waitFor();

  step("signing up happens at the provider and leads back");
  await visitor.open("/");
  await link("Join").click();
  await page.getByRole("heading", { level: 1, name: "Create your account" }).waitFor();
  check(page.url().startsWith(provider), `the provider's page is at ${page.url()}`);
  await visitor.snap("provider-sign-up");
  await enter(visitor, email, "Create account");
  await visitor.at(/^\/$/);
  await signedIn();

  step("a film plays");
  await title(visitor, "A Quiet Colony").click();
  await link(/^Play$/).click();
  await running(visitor, { beyond: 0.5 });

  step("the other brand knows who it is, without a password");
  await page.goto(other);
  await link(/^Sign in$/).click();
  await signedIn();
  check(page.url().startsWith(other), `it led to ${page.url()}`);

  step("signing out ends it at the provider too");
  await link(/^Account, signed in/).click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await page.waitForURL((url) => url.origin === other);
  await link(/^Sign in$/).click();
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
  check(page.url().startsWith(provider), `a password is asked for at ${page.url()}`);

  step("who has an account signs in with it");
  await enter(visitor, email, "Sign in");
  await signedIn();
  await page.goto(SITE);
  await signedIn();
});
