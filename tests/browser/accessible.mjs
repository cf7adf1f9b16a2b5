// What a page owes to people who do not see it or have no mouse, judged on the browser's own accessibility tree.
import { check } from "./chromium.mjs";

const CONTROLS = new Set([
  "button",
  "link",
  "textbox",
  "searchbox",
  "combobox",
  "radio",
  "checkbox",
  "slider",
  "spinbutton",
  "switch",
  "tab",
  "image",
  "dialog",
  "alertdialog",
]);

/** Fails with everything that is wrong on the page. */
export async function accessible({ page }, where, landmarks = ["main", "banner", "navigation", "contentinfo"]) {
  const wrong = [...(await inMarkup(page)), ...(await inTree(page, landmarks))];
  check(wrong.length === 0, `${where} is not accessible:\n  ${wrong.join("\n  ")}`);
}

function inMarkup(page) {
  return page.evaluate(() => {
    const wrong = [];
    if (!/^[a-z]{2,3}\b/.test(document.documentElement.lang)) wrong.push("the page has no language");
    if (!document.title.trim()) wrong.push("the page has no title");
    const first = document.querySelectorAll("h1");
    if (first.length !== 1) wrong.push(`the page has ${first.length} first headings`);
    for (const image of document.images) {
      if (!image.hasAttribute("alt")) wrong.push(`a picture has no alternative text: ${image.src}`);
    }
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) wrong.push(`id ${id} twice`);
    let level = 0;
    for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
      const next = Number(heading.tagName[1]);
      if (next > level + 1) wrong.push(`"${heading.textContent}" is a heading ${next} below a ${level}`);
      level = next;
    }
    return wrong;
  });
}

async function inTree(page, landmarks) {
  const browser = await page.context().newCDPSession(page);
  const { nodes } = await browser.send("Accessibility.getFullAXTree");
  await browser.detach();
  const seen = nodes.filter(({ ignored }) => !ignored);
  const roles = seen.map(({ role }) => role?.value);
  const missing = landmarks.filter((role) => !roles.includes(role)).map((role) => `there is no landmark ${role}`);
  const nameless = seen.filter(({ role, name }) => CONTROLS.has(role?.value) && !name?.value?.trim());
  return [...missing, ...nameless.map(({ role, nodeId }) => `a ${role.value} has no name (node ${nodeId})`)];
}

/** Presses Tab until the focus is on what `reached` accepts; every stop on the way has to show the focus. */
export async function tabTo({ page }, what, reached) {
  const passed = [];
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const at = document.activeElement;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(at);
      const shown = (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
      return { name: at.getAttribute("aria-label") ?? at.textContent.trim(), tag: at.tagName, shown };
    });
    if (stop.tag !== "BODY") check(stop.shown, `the focus cannot be seen on ${stop.tag} "${stop.name}"`);
    if (reached(stop.name)) return;
    passed.push(stop.name);
  }
  throw new Error(`Tab does not lead to ${what}; it led to: ${passed.join(", ")}`);
}
