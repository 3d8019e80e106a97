// Checks of the Experiments view. Of `facts`: `experiment` {name, analyses: {KIND: answer}, table}: the
// name of an experiment, answers of `energy analyse KIND --format json` and `energy table --json`.

import { holds, same } from "./support.mjs";

export async function check(page, base, { experiment }) {
  const { name, analyses, table } = experiment;
  await page.goto(`${base}/#/experiments?${new URLSearchParams({ experiment: name })}`);
  for (const [kind, answer] of Object.entries(analyses)) {
    const frame = `[data-frame="analysis-${kind}"]`;
    await page.waitForSelector(`${frame}[data-state=drawn]`, { timeout: 60000 });
    const known = answer.findings.filter(({ verdict }) => verdict !== "not_estimable");
    const words = await page.$$eval(`${frame} .answers li`, (all) =>
      all.map((one) => one.textContent),
    );
    if (!known.length) {
      holds(`${kind} explains why: ${words}`, words[0].includes("not estimable"));
      continue;
    }
    for (const { answer: sentence } of known.slice(0, 8)) {
      holds(`${kind}: ${sentence}`, words.some((one) => one.endsWith(sentence)));
    }
    const points = answer.plots.flatMap((plot) => plot.series.flatMap((one) => one.points));
    const cells = answer.plots.flatMap((plot) => (plot.grid ? plot.grid.values.flat() : []));
    const marks = await page.$$eval(`${frame} .mark`, (all) => all.length);
    holds(`${kind} has ${marks} marks`, marks === points.length + cells.length);
    const drawn = await page.$$eval(`${frame} .mark[data-y]`, (all) =>
      all.map((one) => Number(one.dataset.y)),
    );
    const sum = (values) => values.reduce((a, b) => a + b, 0);
    same(`values of ${kind}`, sum(drawn), sum(points.map(({ y }) => y)));
  }
  const values = await page.$$eval('[data-frame=configurations] td[data-name="per"]', (all) =>
    all.map((one) => Number(one.dataset.v)),
  );
  holds("every configuration is a row", values.length === table.rows.length);
  holds("the least is first", values.every((one, at) => !at || one >= values[at - 1]));
  await keys(page);
}

// A mark can be read by keys.
async function keys(page) {
  const first = page.locator('[data-frame^="analysis-"] .mark[tabindex="0"]').first();
  await first.focus();
  await page.keyboard.press("ArrowRight");
  const label = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
  holds(`keys move between marks: ${label}`, label && label.includes("J/"));
}
