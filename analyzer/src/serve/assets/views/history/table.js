// The table of runs: a card for each run on narrow screens.

import {
  bounds,
  digits,
  isKnown,
  joules,
  seconds,
  UNKNOWN,
  WORDS,
} from "/assets/charts.js";
import { button, element, table } from "../../dom.js";
import { isModelled, perToken, short, sourceOf, startOf, tagsOf, titleOf } from "../runs.js";

const withInterval = (value, lo, hi) => [
  joules(value),
  isKnown(lo) || isKnown(hi) ? element("small", { class: "interval" }, bounds(lo, hi)) : null,
];
// The time of the measured work, to which the energy belongs, and that of the recording.
const timeWithRecording = (work_ns, { duration_ns }) => [
  seconds(work_ns),
  isKnown(duration_ns) && duration_ns !== work_ns
    ? element("small", {}, `${WORDS.recorded} ${seconds(duration_ns)}`)
    : null,
];
const unseen = (text) => element("span", { class: "unseen" }, text);
const tag = (text) => element("span", { class: "tag" }, text);

// A run that is being recorded is watched; it is changed when it has ended.
const liveLink = (run) =>
  element("a", { href: `#/live?run=${encodeURIComponent(run.run_id)}` }, "watch it live");

// The columns of the table; those with the chosen runs and the actions depend on the view.
const columns = (box, changes) => [
  [unseen("compare"), box, null, "select"],
  ["run", nameOf, null, "name"],
  ["started", startOf, null, "started"],
  ["model", modelOf, null, "model"],
  ["experiment, tags", labels, null, "tags"],
  ["status", (run) => run.status, null, "status"],
  [WORDS.time, (run) => run.work_ns, timeWithRecording, "time"],
  [
    WORDS.energy,
    (run) => run.energy_j,
    (value, run) => withInterval(value, run.lo_j, run.hi_j),
    "energy",
  ],
  [
    WORDS.perToken,
    (run) => perToken(run).value,
    (value, run) => withInterval(value, perToken(run).lo, perToken(run).hi),
    "per",
  ],
  [
    WORDS.speed,
    (run) => run.tokens_per_second,
    (speed) => (isKnown(speed) ? [digits(speed), element("small", {}, "tokens/s")] : UNKNOWN),
    "speed",
  ],
  [WORDS.provenance, provenanceOf, null, "source"],
  [unseen("change"), changes, null, "actions"],
];

const nameOf = (run) => [
  element("a", { href: `#/run/${encodeURIComponent(run.run_id)}` }, titleOf(run)),
  run.prompt ? element("small", { class: "prompt" }, run.prompt) : null,
];
const modelOf = (run) => [
  short(run.model_name) || UNKNOWN,
  run.engine ? element("small", {}, short(run.engine)) : null,
];
const labels = (run) => [
  run.experiment_name ? tag(`experiment ${short(run.experiment_name)}`) : null,
  tagsOf(run).map((one) => tag(short(one))),
];
const provenanceOf = (run) => element(isModelled(run) ? "em" : "span", {}, sourceOf(run));

// Draws the table. `chosen` is the set of selected ids; `actions` are `select(run, isOn)`,
// `tags(run)` and `remove(run)`.
export function runTable(runs, chosen, actions) {
  const box = (run) =>
    element("input", {
      type: "checkbox",
      checked: chosen.has(run.run_id),
      "aria-label": `Select ${titleOf(run)} to compare`,
      onchange: (event) => actions.select(run, event.target.checked),
    });
  const change = (words, label, act) =>
    button(words, act, { class: "plain", "aria-label": label });
  const changes = (run) =>
    run.status === "running"
      ? liveLink(run)
      : [
          change("Tags", `Tags of ${titleOf(run)}`, () => actions.tags(run)),
          change("Delete", `Delete ${titleOf(run)}`, () => actions.remove(run)),
        ];
  return table(null, columns(box, changes), runs, {
    class: "runs",
    "aria-label": "Runs",
    roles: true,
    of: (run) => ({ "data-run": run.run_id, "data-status": run.status }),
  });
}
