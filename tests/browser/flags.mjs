// What the operator's flags do to the app: a notice at the top, nothing sold, and both gone again without loading the page anew.
import { readFileSync, writeFileSync } from "node:fs";
import { accessible } from "./accessible.mjs";
import { check, scenario, step } from "./chromium.mjs";
import { title } from "./people.mjs";

const [file] = process.argv.slice(2);

/** As when a person comes back to the tab. */
const comeBack = ({ page }) => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));

await scenario(async (arrives) => {
  const viewer = await arrives("viewer");
  const said = viewer.page.getByRole("complementary", { name: "Notice" });

  step("the notice stands at the top of every page");
  await viewer.open("/");
  await said.getByText("Payments are being looked after.").waitFor();
  check((await said.boundingBox()).y === 0, "it is not at the top");
  await accessible(viewer, "the front page with a notice", ["main", "banner", "navigation", "contentinfo", "complementary"]);
  await viewer.shoot("flags-home", { whole: false });
  await title(viewer, "Seahorse Valley").click();
  await viewer.at(/^\/titles\//);
  check(await said.isVisible(), "it is gone on the next page");

  step("nothing is sold, and the page says so");
  await viewer.page.getByRole("link", { name: "Plans", exact: true }).click();
  await viewer.page.getByRole("heading", { name: "Nothing is sold at the moment" }).waitFor();
  check(!(await viewer.page.getByRole("link", { name: "Create account" }).isVisible()), "it still leads to buying");
  await accessible(viewer, "plans while nothing is sold");
  await viewer.shoot("flags-plans", { whole: false });

  step("the operator turns both over; who comes back to the tab sees it");
  const flags = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(file, JSON.stringify({ ...flags, flags: {} }));
  const gone = async () => {
    await comeBack(viewer);
    return said.waitFor({ state: "hidden", timeout: 1000 }).then(
      () => true,
      () => false,
    );
  };
  let tries = 0;
  while (!(await gone())) check(++tries < 100, "the notice stays");
  await viewer.page.getByRole("heading", { name: "Nothing is sold at the moment" }).waitFor({ state: "hidden" });
});
