// States of the Run view: charts without data, requests that fail, a run that does not exist. Of
// `facts`: `run`, a run with tokens and energy.

import { chart, words } from "./run-view.mjs";
import { holds } from "./support.mjs";

const PROBLEM = {
  status: 503,
  contentType: "application/problem+json",
  body: JSON.stringify({ status: 503, detail: "the file is busy", remedy: "try again later" }),
};

// A failing request takes only its own charts away, states why, and can be repeated.
async function failures(page, base, run) {
  const address = `${base}/#/run/${encodeURIComponent(run)}`;
  for (const [part, chartId] of [
    ["charts", "treemap"],
    ["cells", "heatmap"],
    ["pipeline", "pipeline"],
  ]) {
    const pattern = new RegExp(`/run/[^/]+/${part}(\\?|$)`);
    await page.route(pattern, (route) => route.fulfill(PROBLEM));
    await page.goto("about:blank");
    await page.goto(address);
    const box = page.locator(`#chart-${chartId} .failed`);
    await box.waitFor();
    const told = await box.textContent();
    holds(`the error is stated: ${told}`, /busy/.test(told) && /try again later/.test(told));
    await page.waitForSelector("[data-key=energy_j]");
    await page.unroute(pattern);
    await box.locator("button").click();
    await chart(page, chartId);
  }
}

// A run without tokens, without power, without spans: each chart states the reason.
async function empties(page, base, run) {
  const pattern = /\/run\/[^/]+\/charts(\?|$)/;
  const nothing = {
    phases: [],
    timeline: null,
    matrix: null,
    tokens: null,
    tree: null,
    flows: null,
    accounts: [],
  };
  await page.route(pattern, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), ...nothing } });
  });
  await page.goto("about:blank");
  await page.goto(`${base}/#/run/${encodeURIComponent(run)}`);
  for (const id of ["timeline", "heatmap", "map", "waterfall", "tokens", "treemap", "balance"]) {
    const told = await page.textContent(`#chart-${id} .state .empty`);
    holds(`${id} states why it is empty`, told.length > 20);
    holds(`${id} has no figure`, await page.locator(`#chart-${id} figure`).isHidden());
  }
  holds("there is no slider", await page.locator("#token-slider").isHidden());
  await page.unroute(pattern);
}

// A run that does not exist has words, and the page stays usable.
async function absent(page, base) {
  const requests = [];
  const note = (request) => requests.push(new URL(request.url()).pathname);
  page.on("request", note);
  await page.goto(`${base}/#/run/no-such-run-anywhere`);
  await page.waitForSelector(".run-head .caution");
  holds("the head says so", (await words(page, ".run-head h1")) === "No such run");
  await page.waitForTimeout(300);
  page.off("request", note);
  const others = requests.filter((path) => /\/run\/no-such.*\/(?!head)/.test(path));
  holds(`nothing else is requested: ${others}`, others.length === 0);
  const head = await page.textContent(".run-head");
  holds(`no words about its texts: ${head}`, !head.includes("not stored"));
}

export async function check(page, base, { run }) {
  page.provokes = true;
  await failures(page, base, run);
  await empties(page, base, run);
  await absent(page, base);
}
