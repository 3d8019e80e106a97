// Checks of the Run view: values on the page are those of the database, and each chart can be
// operated by mouse and by keyboard.
//
// `facts` are read from the database by the caller:
//     run          id of the run
//     energy_j     energy of the run: of its phases and the time between them
//     ledger_j     energy of the ledger of all spans
//     rails        [{rail, measured_j}]
//     phases       [{phase, energy_j}]
//     tokens       [{token, text, energy_j}] in the order of time
//     samples      [{rail, start_ns, end_ns, energy_j}] by the program's clock
//     gap          {run, samples}: another run, without samples in its middle
//     cells_j      active energy of the spans of all tokens, at most one block of them
// Each may be left out: its check is then skipped, and named in the answer.

import { holds, same, until } from "./support.mjs";

// Tokens that the page loads at once.
const BLOCK = 512;

// Sums what is known.
const sumOf = (page, selector) =>
  page.$$eval(selector, (all) => all.reduce((total, one) => total + Number(one.dataset.j || 0), 0));

// Scrolls to a chart until it is drawn: parts above it that appear later move it out of sight.
export async function chart(page, id) {
  const drawn = page.locator(`#chart-${id} figure[data-drawn]:not([hidden])`);
  const scrolled = async () => {
    await page.locator(`#chart-${id}`).evaluate((part) => part.scrollIntoView());
    return drawn.count();
  };
  await until(`chart ${id} is drawn`, scrolled, (count) => count > 0);
}

export const words = async (page, selector) => (await page.textContent(selector)).trim();

async function values(page, facts) {
  const skipped = [];
  const has = (name) => facts[name] !== undefined || !skipped.push(name);
  await page.waitForSelector("[data-key=energy_j][data-v]");
  if (has("energy_j")) {
    const shown = await page.getAttribute("[data-key=energy_j]", "data-v");
    same("energy of the run", Number(shown), facts.energy_j);
  }
  if (has("rails")) {
    for (const id of ["balance", "timeline"]) await chart(page, id);
    for (const { rail, measured_j: measured } of facts.rails) {
      same(
        `balance of ${rail}`,
        await sumOf(page, `#chart-balance [data-rail="${rail}"]`),
        measured,
      );
      const line = `#chart-timeline g[data-rail="${rail}"]`;
      same(`power line of ${rail}`, await sumOf(page, line), measured);
    }
  }
  if (has("phases")) {
    await chart(page, "phases");
    for (const { phase, energy_j: energy } of facts.phases) {
      same(`phase ${phase}`, await sumOf(page, `#chart-phases [data-name="${phase}"]`), energy);
    }
  }
  if (has("tokens")) {
    await chart(page, "tokens");
    const unknown = facts.tokens.findIndex((one) => one.energy_j === null);
    const before = unknown < 0 ? facts.tokens : facts.tokens.slice(0, unknown);
    const known = before.reduce((total, one) => total + one.energy_j, 0);
    // A bar that merges a token of unknown energy has no energy.
    if (unknown < 0) same("energy of tokens", await sumOf(page, "#chart-tokens .mark"), known);
    await chart(page, "cumulative");
    const last = await page.$$eval(
      "#chart-cumulative .mark",
      (all) => all[all.length - 1].dataset.j,
    );
    same("cumulative energy", Number(last), known);
  }
  if (has("ledger_j")) {
    for (const id of ["treemap", "sankey", "flame"]) {
      await chart(page, id);
      same(id, await sumOf(page, `#chart-${id} svg[data-j]`), facts.ledger_j);
    }
    await chart(page, "stack");
    same("components of phases", await sumOf(page, "#chart-stack .mark"), facts.ledger_j);
  }
  if (has("cells_j")) {
    await chart(page, "waterfall");
    const shown = await page.getAttribute("#chart-waterfall canvas[data-all]", "data-all");
    // Cells are 32-bit numbers.
    same("stacks of tokens", Number(shown), facts.cells_j, 1e-5);
  }
  return skipped;
}

// The slider, its buttons and play; the charts of cells follow.
async function slider(page, count) {
  await chart(page, "heatmap");
  await chart(page, "waterfall");
  const pixels = () =>
    page.$eval("#chart-heatmap canvas", (canvas) => canvas.toDataURL().length + canvas.toDataURL());
  const before = await pixels();
  const sum = () => page.getAttribute("#chart-waterfall canvas[data-sum]", "data-sum");
  const firstSum = await sum();
  await page.locator("#token-slider").focus();
  await page.keyboard.press("End");
  holds("End selects the last token", (await page.inputValue("#token-slider")) === `${count - 1}`);
  // Cells of far tokens are loaded first.
  await until("the heatmap follows the slider", async () => (await pixels()) !== before);
  await until("the waterfall follows the slider", async () => (await sum()) !== firstSum);
  const pressed = page.locator(`.strip [aria-pressed][data-position="${count - 1}"]`);
  await until("the text follows the slider", () => pressed.count());
  await page.keyboard.press("Home");
  await page.click("[aria-label='Next token']");
  holds("a button goes on", (await page.inputValue("#token-slider")) === "1");
  await page.click("[aria-label='Play tokens']");
  await page.waitForFunction(() => Number(document.getElementById("token-slider").value) > 2);
  const isEnded = await page.locator("[aria-label=Pause]").count();
  if (isEnded) await page.click("[aria-label=Pause]");
  await page.click('.strip button[data-position="1"]');
  holds("a click on text selects", (await page.inputValue("#token-slider")) === "1");
}

// Cells by keyboard, and the operations of a cell.
async function drillDown(page) {
  await chart(page, "heatmap");
  const canvas = page.locator("#chart-heatmap canvas");
  await canvas.focus();
  const first = await words(page, "#chart-heatmap .read");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  const second = await words(page, "#chart-heatmap .read");
  holds("arrow keys move the cursor", second && first !== second);
  await page.keyboard.press("Enter");
  await opened(page);
  await addUp(page, second);
  await page.keyboard.press("Escape");
  await canvas.focus();
  await page.keyboard.press("Enter");
  await opened(page);
  const rows = await page.locator(".operations tbody tr").count();
  await page.keyboard.press("Escape");
  await page.waitForSelector(".operations", { state: "hidden" });
  const isBack = await canvas.evaluate((one) => document.activeElement === one);
  holds("the focus returns to the heatmap", isBack);
  return rows;
}

const opened = (page) => page.waitForSelector(".operations:not([hidden]) :is(tbody tr, .empty)");

// The operations of a cell sum to what the cell shows; `read` ends with it.
async function addUp(page, read) {
  const energies = await page.$$eval(".operations tbody tr", (all) =>
    all.map((row) => Number(row.dataset.j)),
  );
  if (!energies.length) return;
  const whole = energies.reduce((total, one) => total + one, 0);
  const [, number, unit] = /: ([\d.e-]+) (\w*)J$/.exec(read);
  const size = { n: 1e-9, u: 1e-6, m: 1e-3, "": 1 }[unit];
  same(`operations of ${read}`, Number(number) * size, whole, 1e-3);
}

async function threshold(page) {
  await chart(page, "map");
  await page.fill(".threshold", "100");
  const told = await words(page, "#chart-map output");
  const [count, all] = told.match(/\d+/g).map(Number);
  holds(`a threshold hides cells: ${told}`, count < all);
  await page.locator("#chart-map canvas").focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  const last = Number(await page.getAttribute("#token-slider", "max"));
  const found = Number(await page.inputValue("#token-slider"));
  holds("Enter selects the last token of the block", found === Math.min(last, BLOCK - 1));
}

// Zoom of treemap and flamegraph, with paths as buttons, and the search.
async function trees(page) {
  for (const id of ["treemap", "flame"]) {
    await chart(page, id);
    const whole = await sumOf(page, `#chart-${id} svg[data-j]`);
    const inner = page.locator(`#chart-${id} .mark[aria-label^="decode;"]`).first();
    await inner.focus();
    await page.keyboard.press("Enter");
    const part = await sumOf(page, `#chart-${id} svg[data-j]`);
    holds(`${id} shows the part only`, part < whole && part > 0);
    await page.click(`#chart-${id} .crumb >> nth=0`);
    same(`${id} after its path`, await sumOf(page, `#chart-${id} svg[data-j]`), whole);
  }
  await page.fill("#chart-flame input[type=search]", "mlp");
  await page.waitForSelector("#chart-flame .found");
  const found = await words(page, "#chart-flame .way");
  holds(`the sum of what is found is shown: ${found}`, /found .* of total/.test(found));
  await page.fill("#chart-flame input[type=search]", "");
}

// Zoom of the power line: to a phase, by dragging, and by keys.
async function zoom(page) {
  await chart(page, "timeline");
  const range = () => words(page, "#chart-timeline output.range");
  const decode = await page.$eval(
    "#chart-timeline select",
    (select) => [...select.options].find((one) => one.text.startsWith("decode"))?.value,
  );
  if (decode !== undefined) {
    await page.selectOption("#chart-timeline select", decode);
    holds("a phase is zoomed to", (await range()) !== "");
    await page.selectOption("#chart-timeline select", "-1");
    holds("the whole run is shown again", (await range()) === "");
  }
  const box = await page.locator("#chart-timeline [role=slider]").boundingBox();
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.55, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, y, { steps: 4 });
  await page.mouse.up();
  const dragged = await range();
  holds("dragging zooms", dragged !== "");
  await page.locator("#chart-timeline [role=slider]").focus();
  await page.keyboard.press("-");
  await page.waitForTimeout(60);
  holds("a key zooms out", (await range()) !== dragged);
  await page.locator("#chart-timeline [role=slider]").focus();
  await page.keyboard.press("0");
  holds("a key shows the whole run", (await range()) === "");
  await page.locator("#chart-timeline [role=slider]").focus();
  await page.keyboard.press("End");
  const value = await page.getAttribute("#chart-timeline [role=slider]", "aria-valuetext");
  holds(`keys read values: ${value}`, value.includes(" W"));
}

// Energy, mean and highest power of samples in a range; energies of samples at its ends are divided.
// Samples shorter than half the usual length give no peak alone: with one of them, the peak lies
// between that of the others and that of all.
function powerOf(samples, from, to) {
  const lengths = samples.map((one) => one.end_ns - one.start_ns).sort((one, other) => one - other);
  const usual = lengths[Math.floor(lengths.length / 2)];
  const inside = samples.filter((one) => one.end_ns > from && one.start_ns < to);
  let [energy, time, least, peak] = [0, 0, 0, 0];
  for (const { start_ns: start, end_ns: end, energy_j: whole } of inside) {
    const part = Math.min(end, to) - Math.max(start, from);
    energy += (whole * part) / (end - start);
    time += part;
    const power = (whole * 1e9) / (end - start);
    peak = Math.max(peak, power);
    if ((end - start) * 2 >= usual) least = Math.max(least, power);
  }
  return { energy, time, average: (energy * 1e9) / time, least, peak, covered: time / (to - from) };
}

// The table of the shown range, and the lines, have the energies of the samples in it.
async function powerValues(page, samples) {
  const out = page.locator("#chart-timeline output.range");
  await until(
    "the steps of the range are read",
    () => out.getAttribute("data-steps"),
    (steps) => steps !== "coarse",
  );
  const [from, to] = await out.evaluate((one) => [one.dataset.from, one.dataset.to].map(Number));
  const cells = await page.$$eval("#chart-timeline tr[data-rail]", (all) =>
    all.map((row) => [
      row.dataset.rail,
      Object.fromEntries([...row.cells].map((one) => [one.dataset.name, one.dataset.v])),
    ]),
  );
  for (const [rail, shown] of cells) {
    const own = samples.filter((one) => one.rail === rail);
    const expected = powerOf(own, from, to);
    const where = `${rail} from ${from} to ${to}`;
    same(`energy of ${where}`, Number(shown.energy_j), expected.energy, 1e-5);
    same(`average of ${where}`, Number(shown.avg_w), expected.average, 1e-5);
    const nearest = Math.min(Math.max(Number(shown.peak_w), expected.least), expected.peak);
    same(`peak of ${where}`, Number(shown.peak_w), nearest, 1e-5);
    same(`samples of ${where}`, Number(shown.covered), Math.min(1, expected.covered), 1e-5);
    const line = `#chart-timeline g[data-rail="${rail}"]`;
    same(`line of ${where}`, await sumOf(page, line), expected.energy, 1e-5);
  }
  return cells.length;
}

async function powerTable(page, samples) {
  await chart(page, "timeline");
  const box = page.locator("#chart-timeline details.values");
  await box.locator("summary").click();
  await page.selectOption("#chart-timeline select", "1");
  holds("rails have rows", (await powerValues(page, samples)) > 0);
  for (const key of ["+", ".", "+"]) {
    await page.locator("#chart-timeline [role=slider]").focus();
    await page.keyboard.press(key);
    await page.waitForTimeout(60);
    await powerValues(page, samples);
  }
  await page.selectOption("#chart-timeline select", "-1");
  await box.locator("summary").click();
}

// Missing samples are a gap in line, table and texts. Tokens that the program did not report are those
// of the file.
async function gap(page, base, { run, samples }) {
  await page.goto(`${base}/#/run/${encodeURIComponent(run)}`);
  await page.waitForSelector("[data-key=tokens]");
  const tokens = page.locator("[data-key=tokens]");
  // The row of the run is shown before the summary, which has the recorded tokens.
  const isRecorded = (text) => /prompt, [1-9]\d* recorded/.test(text);
  await until("tokens are those recorded", () => tokens.textContent(), isRecorded);
  const each = page.locator("[data-key=j_per_output_token]");
  holds(`so is their energy: ${await each.textContent()}`, /\d recorded;/.test(await each.textContent()));
  await chart(page, "timeline");
  const path = await page.getAttribute("#chart-timeline path.line", "d");
  holds(`the line is interrupted: ${path}`, path.match(/M/g).length === 2);
  await page.locator("#chart-timeline details.values summary").click();
  const reader = page.locator("#chart-timeline [role=slider]");
  const texts = [];
  const steps = Number(await reader.getAttribute("aria-valuemax"));
  await reader.focus();
  for (let at = 0; at <= steps; at += 1) {
    texts.push(await reader.getAttribute("aria-valuetext"));
    await page.keyboard.press("ArrowRight");
  }
  const unread = texts.filter((one) => one.includes(": –"));
  holds(`the gap is read once: ${unread}`, unread.length === 1);
  for (const key of ["+", "."]) {
    await reader.focus();
    await page.keyboard.press(key);
    await page.waitForTimeout(60);
    await powerValues(page, samples);
  }
}

async function pipeline(page) {
  await chart(page, "pipeline");
  const opener = page.locator("#chart-pipeline .opener").first();
  if (!(await opener.count())) return;
  holds("sections are closed", (await opener.getAttribute("aria-expanded")) === "false");
  await opener.focus();
  await page.keyboard.press("Enter");
  holds("Enter opens sections", await page.locator("#chart-pipeline .inner:visible").count());
}

// Each metric of the run is drawn, or explained.
async function metrics(page) {
  const names = await page.$$eval("#metric option", (all) => all.map((one) => one.value));
  for (const name of names) {
    await page.selectOption("#metric", name);
    await page.locator("#chart-heatmap").evaluate((part) => part.scrollIntoView());
    await page.waitForSelector(
      "#chart-heatmap figure:not([hidden]) canvas, #chart-heatmap .state .empty",
    );
  }
  await page.selectOption("#metric", "energy");
  return names;
}

// Every table has as many rows as its chart has values, and is reachable by keys.
async function tables(page) {
  const boxes = page.locator("details.values:visible");
  for (let at = 0; at < (await boxes.count()); at += 1) {
    await boxes.nth(at).locator("summary").click();
    await boxes.nth(at).locator("table tbody tr").first().waitFor();
    await boxes.nth(at).locator("summary").click();
  }
  return boxes.count();
}

// Runs all checks; returns what was checked and skipped. Console errors are the caller's.
export async function check(page, base, facts) {
  await page.goto(`${base}/#/run/${encodeURIComponent(facts.run)}`);
  const skipped = await values(page, facts);
  await pipeline(page);
  await zoom(page);
  if (facts.samples) await powerTable(page, facts.samples);
  const count = Number(await page.getAttribute("#token-slider", "max")) + 1;
  await slider(page, count);
  const operations = await drillDown(page);
  await threshold(page);
  await trees(page);
  const drawn = await metrics(page);
  const tabled = await tables(page);
  for (const width of [400, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(200);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    holds(`no sideways scrolling at ${width}: ${wide}`, wide <= width);
  }
  if (facts.gap) await gap(page, base, facts.gap);
  return { skipped, tokens: count, operations, metrics: drawn, tables: tabled };
}
