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

export async function check(page, _base, { server }) {
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
    // The page works without being loaded again.
    await page.click("[data-view=history]");
    await page.waitForSelector(
      "[data-frame=runs][data-state=drawn], [data-frame=runs][data-state=empty]",
    );
  } finally {
    child.kill("SIGKILL");
  }
}
