// Drives the dashboard in a browser:
//     DASHBOARD_TESTS=FOLDER node run.mjs BASE_URL FACTS.json [CHECK...]
// FACTS.json has values read from the database; each check documents its own. Prints a line for
// each check; the exit status is 1 if one failed.

import { readFileSync } from "node:fs";
import * as compareView from "./compare-view.mjs";
import * as experimentsView from "./experiments-view.mjs";
import * as historyView from "./history-view.mjs";
import * as liveView from "./live-view.mjs";
import * as restartView from "./restart-view.mjs";
import * as runStates from "./run-states.mjs";
import * as runView from "./run-view.mjs";
import { fitsWidth, isAccessible, launch, openPage } from "./support.mjs";

const [, , base, factsPath, ...only] = process.argv;
const facts = JSON.parse(readFileSync(factsPath, "utf8"));
const compared = facts.compare
  ? `#/compare?${new URLSearchParams([...facts.compare.sides.map((side) => ["run", side]), ["different", "yes"]])}`
  : null;

// Checks in order: the later ones add runs.
const CHECKS = [
  ["experiments", facts.experiment && experimentsView.check],
  ["run", facts.run && runView.check],
  ["states of a run", facts.run && runStates.check],
  ["compare", facts.compare && compareView.check],
  ["history", facts.runs && historyView.check],
  ["live", liveView.check],
  ["restart", facts.server && restartView.check],
  ["appearance", appearance],
];

// Every view in two widths and both themes: no sideways scrolling, accessible, printable.
async function appearance(page) {
  const browser = page.context().browser();
  const views = [
    ["live", "#/live", "form.start button.main:enabled"],
    ["run", facts.run && `#/run/${facts.run}`, "[data-key=energy_j][data-v]"],
    ["history", "#/history", "[data-frame=runs]:not([data-state=loading])"],
    ["compare", compared, "[data-frame=tokens]:not([data-state=loading])"],
    ["experiments", "#/experiments", "[data-frame=configurations]:not([data-state=loading])"],
    ["nothing to compare", "#/compare", ".side-row"],
  ].filter(([, address]) => address);
  for (const theme of ["light", "dark"]) {
    for (const width of [400, 1280]) {
      const own = await openPage(browser, { width, theme });
      for (const [name, address, ready] of views) {
        await own.goto("about:blank");
        await own.goto(`${base}/${address}`);
        await own.waitForSelector(ready, { timeout: 60000 });
        await own.waitForTimeout(500);
        const where = `${name}, ${theme}, ${width} px`;
        await fitsWidth(own, where);
        await isAccessible(own, where);
      }
      page.faults.push(...own.faults);
      await own.context().close();
    }
  }
  await page.goto(`${base}/#/history`);
  await page.waitForSelector("[data-frame=runs]:not([data-state=loading])");
  await page.emulateMedia({ media: "print" });
  const left = await page.locator("header, form, button").filter({ visible: true }).count();
  if (left) throw new Error(`${left} controls are printed`);
}

const browser = await launch();
let failed = 0;
let passed = 0;
for (const [name, check] of CHECKS) {
  if (!check || (only.length && !only.includes(name))) continue;
  const page = await openPage(browser);
  const begun = Date.now();
  try {
    await check(page, base, facts);
    if (page.faults.length) throw new Error(`the console has:\n${page.faults.join("\n")}`);
    passed += 1;
    console.log(`ok ${name} (${Date.now() - begun} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error.stack}\n${page.faults.join("\n")}`);
    if (process.env.DASHBOARD_PICTURES) {
      const path = `${process.env.DASHBOARD_PICTURES}/${name}.png`;
      await page.screenshot({ path, fullPage: true }).catch(() => {});
    }
  }
  await page.context().close();
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
