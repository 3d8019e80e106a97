// Measures the script time of slider steps of the Run view with made cells: 500 tokens of 60
// layers by 20 components. Run beside nothing else, because it measures time:
//     DASHBOARD_TESTS=FOLDER node slider-time.mjs BASE_URL [RUN]
// All requests of cells are answered by this script; everything else by the server.

import { pathToFileURL } from "node:url";
import { launch } from "./support.mjs";

const [TOKENS, LAYERS, COMPONENTS] = [500, 60, 20];
// Highest 95th percentile of a step's script time.
const LIMIT_MS = 16;

// The answer of `/cells` for a metric, with values from a generator of fixed numbers.
export function madeCells(metric = "energy") {
  const names = (count, of) => [...Array(count).keys()].map((at) => `${of} ${at}`);
  const head = {
    tokens: [...Array(TOKENS).keys()],
    numbers: [...Array(TOKENS).keys()],
    layers: names(LAYERS, "layer"),
    components: names(COMPONENTS, "part"),
    metric,
    unit: metric === "time" ? "ms" : "J",
    provenance: "modelled, not measured",
    tokens_total: TOKENS,
  };
  const text = JSON.stringify(head);
  const line = text.padEnd(Math.ceil((text.length + 1) / 4) * 4 - 1) + "\n";
  const values = new Float32Array(TOKENS * LAYERS * COMPONENTS);
  let state = 1;
  for (let at = 0; at < values.length; at += 1) {
    state = (state * 48271) % 2147483647;
    values[at] = 1e-3 * (state / 2147483647);
  }
  return Buffer.concat([Buffer.from(line), Buffer.from(values.buffer)]);
}

// The series of 500 tokens, made from the first bar of a run's own series.
function madeTokens(series) {
  const bars = [...Array(TOKENS).keys()].map((at) => ({
    ...series.bars[0],
    token: at,
    text: ` word${at}`,
    start_ns: series.bars[0].start_ns + at * 1000,
  }));
  return { ...series, tokens: TOKENS, per_bar: 1, bars };
}

// Opens the view with made cells, and returns the script times of `count` steps in ms.
export async function measure(page, base, run = "last", count = 300) {
  await page.route(/\/cells\?/, (route) => {
    const metric = new URL(route.request().url()).searchParams.get("metric");
    route.fulfill({ contentType: "application/octet-stream", body: madeCells(metric) });
  });
  await page.route(/\/run\/[^/]+\/charts/, async (route) => {
    const response = await route.fetch();
    const charts = await response.json();
    await route.fulfill({ response, json: { ...charts, tokens: madeTokens(charts.tokens) } });
  });
  await page.goto(`${base}/#/run/${encodeURIComponent(run)}`);
  for (const id of ["heatmap", "waterfall", "map"]) {
    await page.locator(`#chart-${id}`).scrollIntoViewIfNeeded();
    await page.waitForSelector(`#chart-${id} figure[data-drawn] canvas`);
  }
  await page.locator("#chart-heatmap").scrollIntoViewIfNeeded();
  return page.evaluate(async (steps) => {
    const slider = document.getElementById("token-slider");
    const times = [];
    for (let at = 0; at < steps; at += 1) {
      slider.value = (at * 7 + 1) % 500;
      const begin = performance.now();
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      times.push(performance.now() - begin);
      await new Promise((done) => requestAnimationFrame(done));
    }
    return times;
  }, count);
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

async function main() {
  const [base, run] = process.argv.slice(2);
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    const begin = Date.now();
    const times = await measure(page, base, run);
    const seconds = (Date.now() - begin) / 1000;
    const [median, p95, most] = [0.5, 0.95, 1].map((share) => percentile(times, share));
    const shown = [median, p95, most].map((time) => `${time.toFixed(1)} ms`);
    console.log(
      `${TOKENS} tokens x ${LAYERS} layers x ${COMPONENTS} components, ${times.length} steps: ` +
        `median ${shown[0]}, p95 ${shown[1]}, most ${shown[2]}; ` +
        `${(times.length / seconds).toFixed(0)} steps per second with loading`,
    );
    if (!(p95 <= LIMIT_MS)) throw new Error(`p95 ${shown[1]} is above ${LIMIT_MS} ms`);
  } finally {
    await browser.close();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] || "").href) await main();
