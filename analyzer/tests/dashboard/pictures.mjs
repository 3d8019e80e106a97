// Draws pictures of the views for the documentation:
//     DASHBOARD_TESTS=FOLDER node pictures.mjs BASE_URL FOLDER
// The server has a run named `sky` and runs with the tag `config`.

import { statSync } from "node:fs";
import { join } from "node:path";
import { launch, openPage, until } from "./support.mjs";

const [, , address, folder] = process.argv;
const base = address.replace(/\/$/, "");
// Largest picture, so that the repository stays small.
const LARGEST = 150 * 1024;

const browser = await launch();

// Draws the page from its top to `height`.
async function picture(page, name, height) {
  const path = join(folder, `dashboard-${name}.png`);
  const { width } = page.viewportSize();
  await page.setViewportSize({ width, height });
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.waitForTimeout(700);
  await page.screenshot({ path });
  const { size } = statSync(path);
  if (size > LARGEST) throw new Error(`${path} has ${size} bytes, more than ${LARGEST}`);
  console.log(`drew ${path} (${size} bytes)`);
}

async function live(look, name, height) {
  const page = await openPage(browser, look);
  await page.goto(`${base}/#/live`);
  const model = page.getByLabel("Model", { exact: true });
  await until("models are listed", () => model.isEnabled());
  await page.getByLabel("Prompt", { exact: true }).fill("Once upon a time");
  await page.getByLabel("Most tokens").fill("160");
  await page.locator("form.start summary").click();
  await page.getByLabel("Name", { exact: true }).fill("story");
  await page.getByLabel(/^continue the prompt/).check();
  await page.locator("form.start summary").click();
  await page.getByLabel(/^allow modelled power/).check();
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await until(
    "tokens arrive",
    () => page.locator(".stream .token").count(),
    (count) => count > 45,
  );
  await picture(page, name, height);
  await until(
    "the run ends",
    () => page.getAttribute("[data-frame=state]", "data-state"),
    (state) => state === "complete",
  );
  await page.context().close();
}

async function view(look, name, hash, ready, height) {
  const page = await openPage(browser, look);
  await page.goto(`${base}/${hash}`);
  await page.waitForSelector(ready);
  await picture(page, name, height);
  await page.context().close();
}

const wide = { width: 1280, theme: "light" };
const dark = { width: 1280, theme: "dark" };
const narrow = { width: 400, theme: "light" };
const compared = "#/compare?run=config%3Dnone&run=config%3Dq8_0&different=yes";
await live(wide, "live", 860);
await live({ width: 400, theme: "dark" }, "live-narrow", 1000);
await view(wide, "run", "#/run/sky", "#chart-pipeline figure[data-drawn]", 860);
await view(dark, "history", "#/history", "[data-frame=runs][data-state=drawn]", 860);
await view(narrow, "history-narrow", "#/history", "[data-frame=runs][data-state=drawn]", 1000);
await view(wide, "compare", compared, "[data-frame=tokens][data-state=drawn]", 860);
await browser.close();
