// Checks of the History view. Of `facts`: `runs` [{run_id, name, energy_j, j_per_token, status,
// prompt}] of the database, and `deletable`, the id of a run that may be deleted.

import { holds, same, until } from "./support.mjs";

const rows = (page) => page.locator("table.runs tbody tr");
const ids = (page) =>
  page.$$eval("table.runs tbody tr", (all) => all.map((one) => one.dataset.run));
const titleOf = (run) => run.name || run.run_id.slice(0, 8);

async function waitForRows(page, count) {
  await until(
    `${count} rows`,
    () => rows(page).count(),
    (found) => found === count,
  );
}

// Energies that sum the known phases of a run; short phases without a sample are estimated.
const near = (run) => (run.unknown ? 1e-2 : 1e-6);

async function values(page, { runs }) {
  await waitForRows(page, Math.min(25, runs.length));
  for (const run of runs.slice(0, 25)) {
    const row = page.locator(`tr[data-run="${run.run_id}"]`);
    if (typeof run.energy_j === "number") {
      const shown = await row.locator('[data-name="energy"]').getAttribute("data-v");
      same(`energy of ${titleOf(run)}`, Number(shown), run.energy_j, near(run));
    }
    const status = await row.locator('[data-name="status"]').textContent();
    holds(`status of ${titleOf(run)}: ${status}`, status === run.status);
    if (run.prompt) {
      const prompt = await row.locator(".prompt").textContent();
      holds(`the prompt is text: ${prompt}`, prompt === run.prompt);
    }
  }
  const known = runs.filter((run) => typeof run.j_per_token === "number");
  await page.waitForSelector("[data-frame=trend][data-state=drawn] .mark");
  const marks = await page.$$eval("[data-frame=trend] .mark", (all) =>
    all.map((one) => [one.dataset.run, Number(one.dataset.j)]),
  );
  holds(`${known.length} runs in the trend: ${marks.length}`, marks.length === known.length);
  for (const run of known) {
    const found = marks.find(([id]) => id === run.run_id);
    same(`energy per token of ${titleOf(run)}`, found[1], run.j_per_token, near(run));
  }
}

async function filters(page, { runs }) {
  const details = page.locator("details.controls");
  if (!(await details.evaluate((one) => one.open))) await details.locator("summary").click();
  const one = runs.find((run) => run.prompt && run.prompt.length > 8);
  if (one) {
    const part = one.prompt.slice(2, 8);
    const matching = runs.filter((run) =>
      (run.prompt || "").toLowerCase().includes(part.toLowerCase()),
    );
    await page.getByLabel("Prompt contains").fill(part);
    await waitForRows(page, matching.length);
    holds("the address has the filter", page.url().includes("prompt="));
    await page.getByRole("button", { name: "Clear filters" }).click();
    await waitForRows(page, Math.min(25, runs.length));
  }
  await page.getByLabel("Prompt contains").fill("no prompt has this text 7q");
  await page.waitForSelector("[data-frame=runs][data-state=empty]");
  await page.waitForSelector("[data-frame=trend][data-state=empty]");
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.getByLabel("Sort by").selectOption("energy");
  const known = runs.filter((run) => typeof run.energy_j === "number");
  const expected = [...known].sort((a, b) => b.energy_j - a.energy_j).map((run) => run.run_id);
  await until(
    "sorted by energy",
    async () => (await ids(page)).slice(0, Math.min(25, expected.length)).join(),
    (found) => found === expected.slice(0, 25).join(),
  );
  await page.getByRole("button", { name: "Clear filters" }).click();
}

async function tags(page, { runs }) {
  const [run] = runs;
  const row = page.locator(`tr[data-run="${run.run_id}"]`);
  await row.getByRole("button", { name: /^Tags/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("New tag").fill("checked=yes");
  await dialog.getByRole("button", { name: "Add" }).click();
  await dialog.getByText("checked=yes").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await row.getByText("checked=yes").waitFor();
  await row.getByRole("button", { name: /^Tags/ }).click();
  await dialog.getByRole("button", { name: "Remove tag checked=yes" }).click();
  await until(
    "the tag is removed",
    () => dialog.getByText("checked=yes").count(),
    (found) => found === 0,
  );
  await page.keyboard.press("Escape");
  await until(
    "no tag in the list",
    () => row.getByText("checked=yes").count(),
    (found) => found === 0,
  );
}

async function selection(page, { runs }) {
  const [first, second] = runs;
  for (const run of [first, second]) {
    await page.locator(`tr[data-run="${run.run_id}"] input[type=checkbox]`).check();
  }
  // The runs differ in their settings, so the comparison asks before it answers.
  page.provokes = true;
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.waitForSelector("[data-view=compare]");
  holds(
    "both runs are in the address",
    page.url().includes(first.run_id) && page.url().includes(second.run_id),
  );
  await page.goBack();
  await page.waitForSelector("table.runs tbody tr");
}

// Marks of the trend can be read by keys and open their run.
async function trend(page) {
  const mark = page.locator("[data-frame=trend] .mark").first();
  await mark.focus();
  holds("a focused mark has a tooltip", await page.locator("#tip").isVisible());
  await page.keyboard.press("End");
  const id = await page.evaluate(() => document.activeElement.dataset.run);
  await page.keyboard.press("Enter");
  await page.waitForSelector("[data-view=run]");
  holds("the mark opens its run", page.url().includes(id));
  await page.goBack();
  await page.waitForSelector("table.runs tbody tr");
}

async function deletion(page, { runs, deletable }) {
  const run = runs.find((one) => one.run_id === deletable);
  const row = page.locator(`tr[data-run="${deletable}"]`);
  await row.getByRole("button", { name: /^Delete/ }).click();
  const dialog = page.getByRole("dialog");
  const confirm = dialog.getByRole("button", { name: "Delete" });
  const input = dialog.getByRole("textbox");
  await input.fill("something else");
  holds("another text does not confirm", await confirm.isDisabled());
  await input.fill(titleOf(run));
  await confirm.click();
  await until(
    "the run has left the list",
    () => row.count(),
    (found) => found === 0,
  );
  const status = await page.evaluate(
    async (id) => (await fetch(`/api/profiling/run/${id}/summary`)).status,
    deletable,
  );
  holds(`the server does not have it: ${status}`, status === 404);
}

export async function check(page, base, facts) {
  await page.goto(`${base}/#/history`);
  await values(page, facts);
  await filters(page, facts);
  await tags(page, facts);
  await trend(page);
  await selection(page, facts);
  if (facts.deletable) {
    page.provokes = true;
    await deletion(page, facts);
  }
}
