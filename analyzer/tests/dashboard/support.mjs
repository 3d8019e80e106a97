// Shared by the checks: a browser, pages that report their faults, and comparisons.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";

// The folder that `install` has filled.
const modules = createRequire(join(process.env.DASHBOARD_TESTS, "package.json"));
const { chromium } = modules("playwright-core");
const AXE = modules.resolve("axe-core/axe.min.js");

const NAMES = ["chromium", "chromium-browser", "google-chrome", "chromium-headless-shell"];
// Console messages about responses that a check provokes.
const RESPONSE = /Failed to load resource|WebSocket connection to/;

export function browserPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH || "").split(delimiter);
  const all = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return all.find((path) => existsSync(path));
}

export const launch = () =>
  chromium.launch({
    executablePath: browserPath(),
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });

// Opens a page. `page.faults` collects console errors and exceptions; a check that provokes failed
// responses sets `page.provokes`.
export async function openPage(browser, { width = 1280, theme = "light" } = {}) {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: theme,
  });
  const page = await context.newPage();
  page.faults = [];
  page.provokes = false;
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    if (page.provokes && RESPONSE.test(message.text())) return;
    page.faults.push(`${message.type()}: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => page.faults.push(error.stack || String(error)));
  return page;
}

export function holds(name, condition) {
  if (!condition) throw new Error(`${name} does not hold`);
}

// Compares numbers: equal but for rounding.
export function same(name, found, expected, near = 1e-6) {
  const limit = Math.max(Math.abs(expected) * near, 1e-12);
  if (!(Math.abs(found - expected) <= limit)) {
    throw new Error(`${name}: the page has ${found}, expected ${expected}`);
  }
}

// Waits until `read()` returns a value that `isEnough` accepts.
export async function until(name, read, isEnough = Boolean, patience_ms = 60000) {
  const end = Date.now() + patience_ms;
  let value;
  for (;;) {
    value = await read();
    if (isEnough(value)) return value;
    if (Date.now() > end) throw new Error(`${name}: not within ${patience_ms} ms, last ${value}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

// Fails if the page is wider than the window.
export async function fitsWidth(page, name) {
  const [wide, window] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    window.innerWidth,
  ]);
  if (wide <= window) return;
  const widest = await page.evaluate((most) => {
    const all = [...document.querySelectorAll("main *")];
    const over = all.filter((one) => one.getBoundingClientRect().right > most + 1);
    return over.slice(0, 5).map((one) => one.outerHTML.slice(0, 160));
  }, window);
  throw new Error(`${name}: ${wide} px wide in a window of ${window} px\n${widest.join("\n")}`);
}

// Fails if axe-core finds a violation, or an object was shown as text.
export async function isAccessible(page, name) {
  const text = await page.textContent("body");
  for (const wrong of ["[object", "undefined", "NaN"]) {
    if (text.includes(wrong)) throw new Error(`${name}: the page has the text ${wrong}`);
  }
  if (!(await page.evaluate(() => "axe" in window))) {
    // The policy of the page forbids inline scripts, so axe is evaluated by the browser's tools.
    const { readFileSync } = await import("node:fs");
    await page.evaluate(readFileSync(AXE, "utf8"));
  }
  const { violations } = await page.evaluate(() => window.axe.run(document, {}));
  if (!violations.length) return;
  const words = violations.map(
    (one) =>
      `${one.id}: ${one.help}\n${one.nodes
        .slice(0, 4)
        .map(
          (node) =>
            `  ${node.html.slice(0, 200)}\n  ${(node.any[0] || node.all[0] || node.none[0] || {}).message || ""}`,
        )
        .join("\n")}`,
  );
  throw new Error(`${name}: ${violations.length} violations\n${words.join("\n")}`);
}
