// The table of runs: a card for each run on narrow screens.

import { isKnown, joules, seconds } from "/assets/charts.js";
import { button, element } from "../../dom.js";
import { isModelled, perToken, short, sourceOf, startOf, tagsOf, titleOf } from "../runs.js";
import { bounds } from "../words.js";

const COLUMNS = [
  ["select", ""],
  ["name", "Run"],
  ["started", "Started"],
  ["model", "Model"],
  ["tags", "Experiment, tags"],
  ["status", "Status"],
  ["time", "Time", "n"],
  ["energy", "Energy", "n"],
  ["per", "Per token", "n"],
  ["speed", "Tokens/s", "n"],
  ["source", "Power is"],
  ["actions", ""],
];

const withInterval = (value, lo, hi) => [
  joules(value),
  isKnown(lo) || isKnown(hi)
    ? element("small", { class: "interval" }, bounds(lo, hi))
    : null,
];

// Draws the table. `chosen` is the set of selected ids; `actions` are `select(run, isOn)`,
// `tags(run)` and `remove(run)`.
export function runTable(runs, chosen, actions) {
  const head = element(
    "tr",
    { role: "row" },
    COLUMNS.map(([name, title, kind]) =>
      element(
        "th",
        { scope: "col", role: "columnheader", class: kind, "data-name": name },
        title || element("span", { class: "unseen" }, name === "select" ? "Compare" : "Change"),
      ),
    ),
  );
  return element(
    "table",
    { class: "runs", role: "table", "aria-label": "Runs" },
    element("thead", { role: "rowgroup" }, head),
    element(
      "tbody",
      { role: "rowgroup" },
      runs.map((run) => row(run, chosen, actions)),
    ),
  );
}

// A run that is being recorded is watched; it is changed when it has ended.
const liveLink = (run) =>
  element("a", { href: `#/live?run=${encodeURIComponent(run.run_id)}` }, "watch it live");

function row(run, chosen, actions) {
  const title = titleOf(run);
  const each = perToken(run);
  const box = element("input", {
    type: "checkbox",
    checked: chosen.has(run.run_id),
    "aria-label": `Select ${title} to compare`,
    onchange: () => actions.select(run, box.checked),
  });
  const link = element("a", { href: `#/run/${encodeURIComponent(run.run_id)}` }, title);
  const prompt = run.prompt ? element("small", { class: "prompt" }, run.prompt) : null;
  const tags = [
    run.experiment_name
      ? element("span", { class: "tag" }, `experiment ${short(run.experiment_name)}`)
      : null,
    tagsOf(run).map((tag) => element("span", { class: "tag" }, short(tag))),
  ];
  const cells = {
    select: box,
    name: [link, prompt],
    started: startOf(run),
    model: [
      short(run.model_name) || "–",
      run.engine ? element("small", {}, short(run.engine)) : null,
    ],
    tags,
    status: run.status,
    time: seconds(run.duration_ns),
    energy: withInterval(run.energy_j, run.lo_j, run.hi_j),
    per: withInterval(each.value, each.lo, each.hi),
    speed: isKnown(run.tokens_per_second) ? run.tokens_per_second.toPrecision(3) : "–",
    source: isModelled(run) ? element("em", {}, sourceOf(run)) : sourceOf(run),
    actions: run.status === "running" ? liveLink(run) : [
      button("Tags", () => actions.tags(run), { class: "plain", "aria-label": `Tags of ${title}` }),
      button("Delete", () => actions.remove(run), {
        class: "plain",
        "aria-label": `Delete ${title}`,
      }),
    ],
  };
  return element(
    "tr",
    { role: "row", "data-run": run.run_id, "data-status": run.status },
    COLUMNS.map(([name, label, kind]) =>
      element(
        "td",
        {
          role: "cell",
          class: kind,
          "data-name": name,
          "data-label": label || null,
          "data-v": { energy: run.energy_j, per: each.value, time: run.duration_ns }[name],
        },
        cells[name],
      ),
    ),
  );
}
