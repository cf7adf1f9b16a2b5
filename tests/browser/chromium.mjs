// A real browser, and everything that goes wrong in it: a scenario fails on any fault it did not say it expects.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

/** Where the tenant's site is. */
export const SITE = required("TESSERA_SITE").replace(/\/$/, "");
/** Where pages of the scenario are besides: other brands, and a provider that signs people in. */
const ALSO = (process.env.TESSERA_ALSO ?? "").split(" ").filter(Boolean);
const SHOTS = required("TESSERA_SHOTS");
const PATIENCE = 30_000;
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
  // Nothing but this machine can be reached; *.localhost is resolved by the browser itself.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
];
export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

const begun = Date.now();

/** Says what comes next, so that a failure tells where to look. */
export function step(text) {
  console.log(`${((Date.now() - begun) / 1000).toFixed(1).padStart(5)} s  ${text}`);
}

export function check(condition, text) {
  if (!condition) throw new Error(text);
}

/** What the page promised, if it comes in time: Playwright waits for ever for what a script in a page waits for. */
export async function inTime(promised, what) {
  let timer;
  const late = new Promise((_, fail) => {
    const error = new Error(`${what} did not come in ${PATIENCE / 1000} s`);
    timer = setTimeout(() => fail(Object.assign(error, { name: "TimeoutError" })), PATIENCE);
  });
  try {
    return await Promise.race([promised, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a scenario in a browser with a fresh profile; the process ends with 1 when it fails or the browser saw a fault. */
export async function scenario(run) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: FLAGS,
    timeout: PATIENCE,
  });
  const visitors = [];
  try {
    await run(async (name) => {
      const visitor = await Visitor.arrive(browser, name);
      visitors.push(visitor);
      return visitor;
    });
    const faults = visitors.flatMap(({ faults }) => faults);
    check(faults.length === 0, `the browser saw faults:\n${faults.join("\n")}`);
    step("done");
  } catch (error) {
    process.exitCode = 1;
    console.error(`FAILED: ${error.stack ?? error}`);
    for (const visitor of visitors) await visitor.tellLast();
  } finally {
    await browser.close();
  }
}

/** A person at a browser of their own: cookies, storage, a page, and the faults seen on it. */
export class Visitor {
  faults = [];
  #expected = [];

  static async arrive(browser, name) {
    const context = await browser.newContext({ viewport: DESKTOP, locale: "en-GB", timezoneId: "Europe/Berlin" });
    context.setDefaultTimeout(PATIENCE);
    // What the page's own policy stopped: the browser's word on it says where, this one says what.
    await context.addInitScript(() => {
      addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>
        console.error(`policy: ${effectiveDirective} stopped ${blockedURI}`),
      );
    });
    return new Visitor(name, context, await context.newPage());
  }

  constructor(name, context, page) {
    this.name = name;
    this.context = context;
    this.page = page;
    this.requests = [];
    page.on("pageerror", (error) => this.#fault(`error in the page: ${error.stack ?? error}`));
    page.on("console", (message) => this.#console(message));
    page.on("request", (request) => this.#request(request));
    page.on("response", (response) => this.#response(response));
    page.on("requestfailed", (request) => {
      const why = request.failure()?.errorText ?? "";
      // Leaving a page or a film gives up what was under way.
      if (why !== "net::ERR_ABORTED") this.#fault(`${request.method()} ${request.url()} failed: ${why}`);
    });
  }

  /** From now on an answer with this status on a path that begins so is no fault. */
  expect(status, path) {
    this.#expected.push({ status, path });
  }

  /** Does what the page's policy has to stop, which is then no fault. */
  async stopped(directive, act) {
    const heard = this.page.waitForEvent("console", (message) => message.text().startsWith(`policy: ${directive} `));
    const before = this.faults.length;
    await act();
    await heard;
    this.faults.length = before;
  }

  async open(path) {
    await this.page.goto(SITE + path);
  }

  /** Waits until the page's address, path and query, is as described. */
  async at(pattern) {
    await this.page.waitForURL((url) => url.origin === SITE && pattern.test(url.pathname + url.search));
  }

  /** Pictures of the page as it stands, at both widths; `whole` with what is below the fold. */
  async shoot(name, { whole = true } = {}) {
    mkdirSync(SHOTS, { recursive: true });
    for (const size of [PHONE, DESKTOP]) {
      await this.page.setViewportSize(size);
      await this.#settled();
      const path = join(SHOTS, `${name}-${size.width}.png`);
      await this.page.screenshot({ path, fullPage: whole, animations: "disabled" });
      const wide = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(wide <= 0, `${name} at ${size.width} px: the page is ${wide} px wider than the screen`);
    }
  }

  /** A picture of the page as it stands, at the width it has: what lies below the pointer stays. */
  async snap(name) {
    mkdirSync(SHOTS, { recursive: true });
    const { width } = this.page.viewportSize();
    await this.page.screenshot({ path: join(SHOTS, `${name}-${width}.png`), animations: "disabled" });
  }

  /** Says where this visitor was when the scenario failed. */
  async tellLast() {
    console.error(`${this.name} was at ${this.page.url()}`);
    for (const fault of this.faults) console.error(`${this.name}: ${fault}`);
    const path = join(SHOTS, `failed-${this.name}.png`);
    await this.page.screenshot({ path, timeout: 5000 }).then(
      () => console.error(`${this.name} saw ${path}`),
      () => undefined,
    );
  }

  /** Waits for pictures that are in view, fonts, and one more frame. */
  async #settled() {
    await this.page.evaluate(async () => {
      const inView = (image) => {
        const { top, bottom, width } = image.getBoundingClientRect();
        return width > 0 && bottom > 0 && top < innerHeight;
      };
      const pictures = [...document.images].filter(inView).map((image) => image.decode().catch(() => undefined));
      await Promise.all([document.fonts.ready, ...pictures]);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    });
  }

  #fault(text) {
    this.faults.push(text);
  }

  #console(message) {
    // The browser's own word on a bad answer: the answer itself is judged below.
    if (message.type() !== "error" || message.text().startsWith("Failed to load resource:")) return;
    this.#fault(`console: ${message.text()} (${message.location().url})`);
  }

  #request(request) {
    const url = new URL(request.url());
    this.requests.push(url.pathname);
    if (["blob:", "data:"].includes(url.protocol) || url.origin === SITE || ALSO.includes(url.origin)) return;
    this.#fault(`a request left for another host: ${url.href}`);
  }

  #response(response) {
    const { pathname } = new URL(response.url());
    const status = response.status();
    if (status < 400 || this.#expected.some((each) => each.status === status && pathname.startsWith(each.path))) return;
    this.#fault(`${response.request().method()} ${pathname} answered ${status}`);
  }
}

function required(name) {
  const value = process.env[name];
  if (!value) {
    console.error(`${name} is not set: cargo nextest run -p tessera-tests pages runs this with all that it needs`);
    process.exit(2);
  }
  return value;
}
