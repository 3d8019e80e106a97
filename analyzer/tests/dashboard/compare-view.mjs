// Checks of the Compare view. Of `facts`: `compare` {sides, answer}: selectors of two sides, and the
// answer of `energy compare --format json`; `texts` of runs by id are not needed.

import { holds, same } from "./support.mjs";

const address = (base, sides) =>
  `${base}/#/compare?${new URLSearchParams(sides.map((side) => ["run", side]))}`;

async function numbers(page, { answer }) {
  await page.waitForSelector("[data-frame=verdict][data-state=drawn] .card");
  for (const side of answer.sides.slice(1)) {
    const card = page.locator(`.card[data-key="side-${side.side}"]`);
    if (typeof side.ratio === "number") {
      same(`ratio of ${side.side}`, Number(await card.getAttribute("data-v")), side.ratio);
    }
    holds(
      `verdict of ${side.side}`,
      (await card.getAttribute("data-verdict")) === (side.verdict || ""),
    );
  }
  await page.waitForSelector("[data-frame=compare] .mark[data-side]");
  const dots = await page.$$eval("[data-frame=compare] .mark[data-side]:not([data-name])", (all) =>
    all.map((one) => Number(one.dataset.j)),
  );
  const energies = answer.runs.map((run) => run.energy_j).filter((one) => typeof one === "number");
  same(
    "energies of runs",
    dots.reduce((a, b) => a + b, 0),
    energies.reduce((a, b) => a + b, 0),
  );
  const ratios = await page.$$eval("[data-frame=ratios] td[data-name=ratio]", (all) =>
    all.map((one) => one.dataset.v),
  );
  const expected = [...answer.sides.slice(1), ...answer.phases, ...(answer.kind_comparisons || [])];
  holds(`${expected.length} rows of ratios: ${ratios.length}`, ratios.length === expected.length);
  expected.forEach((one, at) => {
    if (typeof one.ratio === "number") same(`ratio in row ${at}`, Number(ratios[at]), one.ratio);
  });
}

async function overlays(page, { answer }) {
  for (const frame of ["power", "tokens"]) {
    await page.waitForSelector(`[data-frame=${frame}][data-state=drawn] path.line`);
    const drawn = await page.$$eval(`[data-frame=${frame}] path.line`, (all) =>
      all.map((one) => one.dataset.run),
    );
    for (const side of answer.sides) {
      const some = answer.runs.filter((run) => run.side === side.side).slice(0, 3);
      for (const run of some) holds(`${frame} of ${run.title}`, drawn.includes(run.run));
    }
    const reader = page.locator(`[data-frame=${frame}] [role=slider]`);
    await reader.focus();
    await page.keyboard.press("ArrowRight");
    const value = await reader.getAttribute("aria-valuetext");
    holds(`keys read ${frame}: ${value}`, value.includes(answer.runs[0].title));
  }
}

// A side that does not exist is named, with the next step.
async function refused(page, base, { sides }) {
  page.provokes = true;
  await page.goto(address(base, [sides[0], "no-such-run-anywhere"]));
  await page.waitForSelector("[data-frame=verdict][data-state=failed]");
  const text = await page.textContent("[data-frame=verdict] .caution");
  holds(`the fault names the run: ${text}`, text.includes("no-such-run-anywhere"));
  await page.waitForSelector("[data-frame=power][data-state=empty]");
}

export async function check(page, base, { compare }) {
  await page.goto(`${base}/#/compare`);
  await page.getByLabel("Side A", { exact: true }).fill(compare.sides[0]);
  await page.getByLabel("Side B", { exact: true }).fill(compare.sides[1]);
  const accept = page.getByLabel("compare although configurations differ");
  holds("different configurations are not accepted by themselves", !(await accept.isChecked()));
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  page.provokes = true;
  const told = await page.textContent("[data-frame=verdict] .caution");
  holds(`the refusal names the box: ${told}`, told.includes("although") && !told.includes("--"));
  holds(`reason and next step are sentences: ${told}`, /\.\s+Next step: .*\./.test(told));
  await page.getByRole("button", { name: "Compare although they differ" }).click();
  await numbers(page, compare);
  await overlays(page, compare);
  await refused(page, base, compare);
}
