// Checks of the Live view. Of `facts`: `live` {prompt, model, tokens, allow_modelled}: the run to
// start, and `recorder` {command, arguments}: another program that records into the served file
// until it is killed.

import { spawn } from "node:child_process";
import { fitsWidth, holds, isAccessible, same, until } from "./support.mjs";

const state = (page) => page.getAttribute("[data-frame=state]", "data-state");
const frameState = (page, name) => page.getAttribute(`[data-frame=${name}]`, "data-state");
const api = (page, path) =>
  page.evaluate(async (at) => {
    const response = await fetch(`/api/profiling${at}`);
    return response.ok ? response.json() : { status: response.status };
  }, path);

async function start(page, { prompt, model, allow_modelled: allow }, { name, tokens }) {
  await until("models are listed", () => page.getByLabel("Model", { exact: true }).isEnabled());
  await page.getByLabel("Prompt", { exact: true }).fill(prompt);
  if (model) await page.getByLabel("Model", { exact: true }).selectOption(model);
  await page.getByLabel("Most tokens").fill(String(tokens));
  const more = page.locator("form.start details");
  if (!(await more.evaluate((one) => one.open))) await more.locator("summary").click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel(/^continue the prompt/).check();
  if (allow) await page.getByLabel(/^allow modelled power/).check();
  await page.getByRole("button", { name: "Start", exact: true }).click();
}

const shownTokens = (page) =>
  page.$$eval(".stream .token", (all) => all.map((one) => [one.textContent, one.dataset.j]));

// The energy of the root rails as the figure and as the table have it at one moment; null if it is
// not shown.
const twice = (page) =>
  page.evaluate(() => {
    const card = document.querySelector("[data-frame=figures] [data-key=energy_j]");
    const rows = [...document.querySelectorAll("[aria-label=Rails] tbody tr")];
    const roots = rows.filter((row) => row.textContent.includes("yes"));
    const energies = roots.map((row) => row.querySelector("[data-name=energy_j]").dataset.v);
    if (!card?.dataset.v || !roots.length || energies.some((one) => !one)) return null;
    return [Number(card.dataset.v), energies.reduce((all, one) => all + Number(one), 0)];
  });

// Data change while the run goes on: tokens, power, cells.
async function follows(page) {
  const seen = { tokens: new Set(), power: new Set(), cells: new Set() };
  await until("the page follows the run", async () => {
    if ((await state(page)) === "running") {
      const energies = await twice(page);
      if (energies) same("the energy of figure and rails", ...energies);
      seen.tokens.add(await page.locator(".stream .token").count());
      seen.power.add(
        await page.$$eval("[data-frame=power] path.line", (all) =>
          all.map((one) => one.getAttribute("d")).join(),
        ),
      );
      seen.cells.add(
        await page.$$eval("[data-frame=layers] svg[data-token]", (all) =>
          all.map((one) => one.dataset.token).join(),
        ),
      );
    }
    const isFollowed = seen.tokens.size > 2 && seen.power.size > 2 && seen.cells.size > 2;
    return isFollowed || (await state(page)) === "complete" ? (isFollowed ? "yes" : "ended") : null;
  }).then((how) =>
    holds(
      `tokens, power and cells changed during the run: ${JSON.stringify([...seen.tokens])}`,
      how === "yes",
    ),
  );
}

const figure = (page, key) =>
  page.getAttribute(`[data-frame=figures] [data-key=${key}]`, "data-v");

// After the end the figures are those of the file, which may differ from the messages.
async function storedFigures(page, id) {
  const names = ["energy_j", "j_per_token", "j_per_output_token"];
  await until("the figures are those of the file", async () => {
    const { run } = await api(page, `/run/${id}/head`);
    const shown = await Promise.all([...names, "tokens"].map((name) => figure(page, name)));
    const stored = [...names.map((name) => run[name]), run.output_tokens];
    return shown.every((value, at) => Number(value) === (stored[at] ?? 0));
  });
  const powers = await page.locator("[data-frame=figures] [data-key=power_w]").count();
  holds("power is not shown as now after the end", powers === 0);
}

async function generated(page, facts) {
  await start(page, facts.live, { name: "<b>live</b> check", tokens: facts.live.tokens });
  await follows(page);
  await until(
    "the run is complete",
    () => state(page),
    (found) => found === "complete",
  );
  const id = await page.getAttribute(".recordings [aria-pressed=true]", "data-run");
  holds(
    "a name is text",
    (await page.locator(".recordings strong").first().textContent()) === "<b>live</b> check",
  );
  const events = await api(page, `/run/${id}/events?limit=10000&detail=tokens`);
  const sent = events.events.filter((one) => one.type === "token_complete");
  await until(
    "all tokens are shown",
    () => page.locator(".stream .token").count(),
    (found) => found === sent.length,
  );
  const shown = await shownTokens(page);
  const energies = (list) =>
    list.filter((one) => typeof one === "number").reduce((a, b) => a + b, 0);
  same(
    "energy of tokens",
    energies(shown.map(([, energy]) => (energy === "null" ? null : Number(energy)))),
    energies(sent.map((one) => one.data.energy_j)),
  );
  const text = await api(page, `/run/${id}/text`);
  const joined = shown.map(([words]) => words).join("");
  const response = text.response || "";
  holds(
    `the stream is the response: ${joined} / ${response}`,
    joined
      .replace(/\[\d+\]/g, "")
      .trim()
      .startsWith(response.trim().slice(0, 40)),
  );
  await storedFigures(page, id);
  return { id, tokens: sent.length };
}

// Tokens and cells are read by keys; tables have the same values.
async function reading(page, { tokens }) {
  await page.locator(".stream .token").first().focus();
  await page.keyboard.press("ArrowRight");
  const tip = await page.locator("#tip").textContent();
  holds(`a token has its energy and time: ${tip}`, /J/.test(tip) && /s/.test(tip));
  await page.locator("summary", { hasText: "Tokens as a table" }).click();
  await until(
    "the table of tokens",
    () => page.locator("[aria-label='Tokens as a table'] tbody tr").count(),
    (found) => found === Math.min(300, tokens),
  );
  await page.locator("[data-frame=layers] .mark").first().focus();
  const first = await page.locator("#tip").textContent();
  await page.keyboard.press("ArrowDown");
  holds("arrow keys move in the heatmap", (await page.locator("#tip").textContent()) !== first);
  await page.locator("[data-frame=layers] select").selectOption("mean");
  const mean = await page.textContent("[data-frame=layers] .ramp");
  holds(`the mean is named: ${mean}`, mean.includes("mean of"));
  const rails = await page.locator("[aria-label=Rails] tbody tr").count();
  holds("rails are listed", rails > 0);
}

// The page with all its data, narrow and wide, in both themes.
async function appearance(page) {
  for (const width of [400, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(400);
    await fitsWidth(page, `live with data, ${width} px`);
    await isAccessible(page, `live with data, ${width} px`);
  }
  await page.getByRole("button", { name: "Dark theme" }).click();
  await isAccessible(page, "live with data, dark");
  await page.getByRole("button", { name: "Light theme" }).click();
}

async function cancelled(page, facts) {
  await start(page, facts.live, { name: "cancelled", tokens: 5000 });
  await until(
    "it runs",
    async () =>
      (await state(page)) === "running" && (await page.locator(".stream .token").count()) > 1,
  );
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await page.getByRole("button", { name: "Cancel: click again" }).click();
  await until(
    "it is cancelled",
    () => state(page),
    (found) => found === "cancelled",
  );
  // A cancelled run reports what it has done.
  for (const key of ["tokens", "j_per_output_token", "tokens_per_second"]) {
    const reported = async () => Number(await figure(page, key));
    await until(`${key} of the cancelled run`, reported, (found) => found > 0);
  }
}

// Another program appears while it records, and as crashed when it is killed.
async function otherProgram(page, { recorder }) {
  const child = spawn(recorder.command, recorder.arguments, { stdio: "ignore" });
  try {
    const item = page.locator(".recordings button", { hasText: recorder.name });
    await item.waitFor({ timeout: 30000 });
    await item.click();
    await until(
      "it is recorded",
      () => state(page),
      (found) => found === "running",
    );
    await until(
      "its power is drawn",
      () => frameState(page, "power"),
      (found) => found === "drawn",
    );
    await until(
      "modelled power is named",
      () => page.textContent("[data-frame=figures]"),
      (text) => text.includes("modelled, not measured"),
    );
    holds(
      "it cannot be cancelled here",
      await page.getByRole("button", { name: "Cancel the run" }).isHidden(),
    );
    child.kill("SIGKILL");
    await until(
      "it is shown as crashed",
      () => state(page),
      (found) => found === "crashed",
      90000,
    );
  } finally {
    child.kill("SIGKILL");
  }
}

// Figures of a run with unknown energies and an unknown provenance, from messages of its own.
async function unknowns(page) {
  const found = await page.evaluate(async () => {
    const { LiveRun } = await import("/assets/views/live/run.js");
    const { keyFigures } = await import("/assets/views/live/figures.js");
    const { operationTable } = await import("/assets/views/live/spans.js");
    const { railTable } = await import("/assets/views/live/rails.js");
    const run = new LiveRun("a-run");
    const enter = (type, data) => run.apply({ type, timestamp: "2026-01-01T00:00:00Z", data });
    const rail = { rail: "cpu", source: "sensor", kind: "cpu", is_root: true };
    const sample = (start_ns, energy_j) =>
      enter("power_sample", {
        ...{ ...rail, start_ns, end_ns: start_ns + 1e8, energy_j },
        power_w: energy_j === null ? null : energy_j * 10,
      });
    [0.5, null, 0.25].forEach((energy, at) => sample(at * 1e8, energy));
    const token = (number, energy_j) =>
      enter("token_complete", { span: number, token: number, energy_j, duration_ms: 10, phase: "decode" });
    [0.1, null, 0.3].forEach((energy, at) => token(at + 1, energy));
    const operation = (from_ns, energy_j) =>
      enter("operation_metrics", {
        ...{ from_ns, to_ns: from_ns + 1 },
        operations: [{ operation: "matmul", count: 2, duration_ms: 1, energy_j }],
      });
    [0.125, null].forEach((energy, at) => operation(at * 10, energy));
    const figures = keyFigures();
    figures.show(run);
    const card = (key) => figures.element.querySelector(`[data-key=${key}]`);
    return {
      energy: [card("energy_j").textContent, card("energy_j").dataset.v],
      tokens: card("tokens").textContent,
      each: [card("j_per_output_token").textContent, card("j_per_output_token").dataset.v],
      power: card("power_w").textContent,
      operation: operationTable(run).querySelector("[data-name=energy_j]:not(th)").outerHTML,
      rail: railTable(run).querySelector("tbody").textContent,
    };
  });
  const { energy, tokens, each, power, operation, rail } = found;
  holds(`energy: ${energy}`, /at least 750.0 mJ.*1 sample unknown/.test(energy[0]) && !energy[1]);
  holds(`tokens: ${tokens}`, /3.*energy of 1 unknown/.test(tokens));
  holds(`energy of a token: ${each}`, /mean of 2 known/.test(each[0]));
  same("energy of a token", Number(each[1]), 0.2);
  for (const text of [power, rail]) holds(`provenance: ${text}`, /provenance unknown/.test(text));
  holds(`operation: ${operation}`, /at least 125.0 mJ/.test(operation) && !/data-v/.test(operation));
}

// A pause without messages that cannot be read from the file: sums are the least, the text has a hole.
async function missing(page) {
  const found = await page.evaluate(async () => {
    const { LiveRun } = await import("/assets/views/live/run.js");
    const { keyFigures } = await import("/assets/views/live/figures.js");
    const { railTable } = await import("/assets/views/live/rails.js");
    const { operationTable } = await import("/assets/views/live/spans.js");
    const { TokenStream } = await import("/assets/views/live/tokens.js");
    const run = new LiveRun("a-run");
    const enter = (type, data) => run.apply({ type, timestamp: "2026-01-01T00:00:00Z", data });
    const add = (number) => {
      const start_ns = number * 1e8;
      const time = { start_ns, end_ns: start_ns + 1e8 };
      const rail = { rail: "cpu", source: "sensor", kind: "cpu", is_root: true };
      enter("power_sample", { ...rail, ...time, energy_j: 0.5, power_w: 5 });
      const token = { span: number, token: number, text: ` t${number}`, phase: "decode" };
      enter("token_complete", { ...token, ...time, energy_j: 0.5, duration_ms: 100 });
      const operation = { operation: "matmul", count: 2, duration_ms: 1, energy_j: 0.25 };
      enter("operation_metrics", { from_ns: start_ns, to_ns: time.end_ns, operations: [operation] });
    };
    [0, 1, 2].forEach(add);
    run.interrupt();
    [6, 7].forEach(add);
    const figures = keyFigures();
    figures.show(run);
    const stream = new TokenStream({ draw: (paint) => paint() });
    stream.show(run);
    const card = (key) => figures.element.querySelector(`[data-key=${key}]`);
    const hole = stream.stream.textContent;
    // Samples of the file: one that is known, and one that is missing.
    run.enterStoredSample({ rail: "cpu", source: "sensor", start_ns: 2e8, end_ns: 3e8, energy_j: 9 });
    run.enterStoredSample({ rail: "cpu", source: "sensor", start_ns: 3e8, end_ns: 6e8, energy_j: 1 });
    run.keepShown();
    return {
      energy: [card("energy_j").textContent, card("energy_j").dataset.v],
      tokens: card("tokens").textContent,
      each: card("j_per_output_token").textContent,
      hole,
      rail: railTable(run).textContent,
      operation: operationTable(run).textContent,
      filled: run.energy().least,
    };
  });
  const { energy, tokens, each, hole, rail, operation, filled } = found;
  holds(`energy: ${energy}`, /at least 2.500 J/.test(energy[0]) && !energy[1]);
  holds(`tokens: ${tokens}`, /at least 5.*3 not received/.test(tokens));
  holds(`each: ${each}`, /mean of 4 known/.test(each));
  holds(`the hole is visible: ${hole}`, / t2 \[3 tokens not received\]  t6/.test(hole));
  holds(`rail: ${rail}`, /at least/.test(rail) && /without 300.0 ms to 600.0 ms/.test(rail));
  holds(`operations: ${operation}`, /at least 1.250 J/.test(operation) && /no message came/.test(operation));
  same("a stored sample counts once", filled, 3.5);
}

export async function check(page, base, facts) {
  await page.goto(`${base}/#/live`);
  await until(
    "nothing is recorded",
    () => state(page),
    (found) => found === "none",
  );
  for (const name of ["power", "tokens", "layers", "spans"]) {
    holds(`${name} is empty`, (await frameState(page, name)) === "empty");
  }
  await unknowns(page);
  await missing(page);
  if (facts.live) {
    const run = await generated(page, facts);
    await reading(page, run);
    await appearance(page);
    await cancelled(page, facts);
  }
  if (facts.recorder) await otherProgram(page, facts);
}
