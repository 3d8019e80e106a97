// A page that stays open over a restart of the server. Of `facts`: `server` {command, arguments}: a
// server on the address `{listen}`.

import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { holds, until } from "./support.mjs";

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

// A run that another client starts is known as this server's.
async function startedElsewhere(page, base, prompt) {
  const response = await fetch(`${base}/api/profiling/generate`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt, max_tokens: 5000, allow_modelled: true, baseline_ms: 300 }),
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
    const id = live ? await startedElsewhere(page, base, live.prompt) : null;
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
    // The page works without being loaded again.
    await page.click("[data-view=history]");
    await page.waitForSelector(
      "[data-frame=runs][data-state=drawn], [data-frame=runs][data-state=empty]",
    );
  } finally {
    child.kill("SIGKILL");
  }
}
