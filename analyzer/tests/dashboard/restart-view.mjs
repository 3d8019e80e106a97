// A page that stays open over a restart of the server. Of `facts`: `server` {command, arguments}: a
// server on the address `{listen}`, the first two arguments name the file; `live` {prompt}.

import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { holds, same, until } from "./support.mjs";

const freePort = () =>
  new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

async function serve({ command, arguments: words }, port) {
  const listen = words.map((word) => word.replace("{listen}", `127.0.0.1:${port}`));
  const child = spawn(command, listen, { stdio: ["ignore", "pipe", "ignore"] });
  await new Promise((done, failed) => {
    child.stdout.once("data", done);
    child.once("exit", (code) => failed(new Error(`the server ended with ${code}`)));
  });
  return child;
}

const connection = (page) => page.getAttribute("#connection", "data-state");

const state = (page) => page.getAttribute("[data-frame=state]", "data-state");

// A run that another client starts is known as this server's. The model counts on to the end.
async function startedElsewhere(page, base) {
  const endless = { prompt: "1, 2, 3, 4, 5,", raw: true, temperature: 0, max_tokens: 5000 };
  const response = await fetch(`${base}/api/profiling/generate`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...endless, allow_modelled: true, baseline_ms: 300 }),
  });
  holds(`a run is started: ${response.status}`, response.ok);
  const { run_id: id } = await response.json();
  await until(
    "it is shown",
    () => state(page),
    (found) => found === "running",
  );
  await page.getByRole("button", { name: "Cancel the run" }).waitFor();
  return id;
}

// A run that ended with its server has the status of the file, and cannot be cancelled.
async function endedMeanwhile(page, base, id) {
  await until(
    "the run is not shown as recorded",
    () => state(page),
    (found) => found === "cancelled" || found === "crashed",
    90000,
  );
  const { run } = await (await fetch(`${base}/api/profiling/run/${id}/head`)).json();
  holds(`its status is ${run.status}`, (await state(page)) === run.status);
  holds(
    "it cannot be cancelled",
    await page.getByRole("button", { name: "Cancel the run" }).isHidden(),
  );
}

const read = async (base, path) => (await fetch(`${base}/api/profiling${path}`)).json();
const sum = (values) => values.reduce((all, one) => all + (one || 0), 0);
const pause = (time_ms) => new Promise((done) => setTimeout(done, time_ms));

// A server that sends nothing is noticed before the connection ends, and power is not that of now.
async function silent(page, child) {
  const power = () => page.textContent("[data-frame=figures] [data-key=power_w]");
  child.kill("SIGSTOP");
  await until("the silence is noticed", () => connection(page), (found) => found === "silent", 12000);
  await page.locator(".banner .caution").waitFor();
  holds(`power is the last one: ${await power()}`, /last power/i.test(await power()));
  child.kill("SIGCONT");
  await until("messages arrive", () => connection(page), (found) => found === "open");
  await until("power is that of now", power, (text) => /power now/i.test(text));
}

// Another program records while the server is down for a while: the page reads that time from the
// file, and has all tokens and samples at the end.
async function recordedMeanwhile(page, base, { server, live, restart }) {
  const words = ["run", live.prompt, "--raw", "--max-tokens", "400", "--source", "modelled"];
  const more = ["--baseline", "0s", "--interval", "100ms", "--depth", "module", "--name", "meanwhile"];
  const file = server.arguments.slice(0, 2);
  const child = spawn(server.command, [...file, ...words, ...more], { stdio: "ignore" });
  try {
    const count = () => page.locator(".stream .token").count();
    await page.locator(".recordings button", { hasText: "meanwhile" }).click();
    await until("tokens arrive", count, (found) => found > 3);
    await restart(2500);
    await until("the run ended", () => state(page), (found) => found === "complete", 120000);
    const id = await page.getAttribute(".recordings [aria-pressed=true]", "data-run");
    const { tokens } = await read(base, `/run/${id}/tokens?limit=1000`);
    const text = await read(base, `/run/${id}/text`);
    const { samples } = await read(base, `/run/${id}/power?limit=100000`);
    const shown = () =>
      page.$$eval(".stream .token", (all) => all.map((one) => [one.textContent, one.dataset.j]));
    await until("all tokens are shown", async () => (await shown()).length, (found) => found === tokens.length);
    await until("their energies are known", async () => (await shown()).every(([, j]) => j !== "null"));
    const found = await shown();
    same("energy of tokens", sum(found.map(([, j]) => Number(j))), sum(tokens.map((one) => one.energy_j)), 0.02);
    const joined = found.map(([one]) => one).join("");
    const stored = text.tokens.map((one) => one.text || `[${one.token}]`).join("");
    holds(`the text has no hole: ${joined} / ${stored}`, joined === stored);
    holds("no hole is marked", (await page.locator(".stream .hole").count()) === 0);
    const whole = sum(samples.filter((one) => one.start_ns >= 0).map((one) => one.energy_j));
    const rails = () => page.getAttribute("[aria-label=Rails] td[data-name=energy_j]", "data-v");
    await until("the rail has all samples", rails, (value) => Math.abs(Number(value) - whole) < 1e-6 * whole);
    await page.locator("[data-frame=layers] select").selectOption("mean");
    // Token 0 has no layers: prefill computed it.
    const mean = async () => /up to (\d+)/.exec(await page.textContent("[data-frame=layers] .ramp"));
    await until("the mean is of all tokens", mean, (number) => Number(number?.[1]) >= tokens.length - 1);
    const spans = await page.textContent("[data-frame=spans]");
    holds(`operations lack that time: ${spans}`, !/operations,/.test(spans) || /of which no message came/.test(spans));
  } finally {
    child.kill("SIGKILL");
  }
}

export async function check(page, _base, { server, live }) {
  page.provokes = true;
  const port = await freePort();
  let child = await serve(server, port);
  const base = `http://127.0.0.1:${port}`;
  try {
    await page.goto(`${base}/#/live`);
    await page.locator(".banner .state").waitFor();
    await until(
      "connected",
      () => connection(page),
      (found) => found === "open",
    );
    const id = live ? await startedElsewhere(page, base) : null;
    if (id) await silent(page, child);
    child.kill("SIGKILL");
    await until(
      "disconnected",
      () => connection(page),
      (found) => found === "waiting",
    );
    await page.locator(".banner .caution").waitFor();
    holds(
      "the button connects",
      await page.getByRole("button", { name: "Connect now" }).isVisible(),
    );
    child = await serve(server, port);
    await until(
      "connected again",
      () => connection(page),
      (found) => found === "open",
    );
    await page.locator(".banner .caution").waitFor({ state: "hidden" });
    if (id) await endedMeanwhile(page, base, id);
    const restart = async (time_ms) => {
      child.kill("SIGKILL");
      await pause(time_ms);
      child = await serve(server, port);
    };
    if (live) await recordedMeanwhile(page, base, { server, live, restart });
    // The page works without being loaded again.
    await page.click("[data-view=history]");
    await page.waitForSelector(
      "[data-frame=runs][data-state=drawn], [data-frame=runs][data-state=empty]",
    );
  } finally {
    child.kill("SIGKILL");
  }
}
