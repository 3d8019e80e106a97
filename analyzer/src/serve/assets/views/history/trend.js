// Energy per token of runs in the order of their starts: a dot for each run with its interval,
// neighbours of one model and provenance joined by a line.

import {
  axisX,
  axisY,
  dot,
  HUES,
  interval,
  isKnown,
  joules,
  legend,
  line,
  linear,
  mark,
  marks,
  drawing,
  round,
  s,
  SHAPES,
  ticks,
  whiskerY,
} from "/assets/charts.js";
import { element } from "../../dom.js";
import { isModelled, perToken, short, sourceOf, startOf, titleOf } from "../runs.js";

const COLOURS = ["blue", "orange", "green", "purple", "teal", "magenta"];
const OTHERS = "other models";

// Runs with a known energy per token, oldest first. A replaced run is no result.
export const trendRuns = (runs) =>
  runs
    .filter((run) => isKnown(run.j_per_token) && !("replaced" in (run.tags || {})))
    .sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1));

function seriesOf(runs) {
  const names = [...new Set(runs.map((run) => short(run.model_name) || "no model"))];
  const shown = names.slice(0, names.length > COLOURS.length ? COLOURS.length - 1 : COLOURS.length);
  const series = shown.map((name, at) => ({
    name,
    colour: HUES[COLOURS[at]],
    shape: at % SHAPES.length,
    dots: [],
  }));
  const rest = { name: OTHERS, colour: HUES.grey, shape: 0, dots: [] };
  runs.forEach((run, at) => {
    const found = series.find((one) => one.name === (short(run.model_name) || "no model")) || rest;
    found.dots.push({ run, at });
  });
  return rest.dots.length ? [...series, rest] : series;
}

// Draws the trend. `open(run)` is called when a dot is chosen.
export function trendChart(runs, width, open) {
  const narrow = width < 620;
  const [left, right, bottom, top] = [64, width - 14, narrow ? 180 : 220, 12];
  const energies = runs.map(perToken);
  const ends = energies.flatMap((one) => [one.value, one.hi]).filter(isKnown);
  const highest = Math.max(...ends, 1e-15) * 1.08;
  const x =
    runs.length > 1 ? linear(0, runs.length - 1, left + 14, right - 14) : () => (left + right) / 2;
  const y = linear(0, highest, bottom, top);
  const series = seriesOf(runs);
  const list = [];
  const shapes = new Map();
  for (const one of series) {
    for (const { run, at } of one.dots) {
      const { value, lo, hi } = energies[at];
      const shape = dot(x(at), y(value), one.shape, one.colour);
      if (isModelled(run)) shape.classList.add("hollow");
      shapes.set(at, [whiskerY(y, lo, hi, x(at), 4), shape]);
      list[at] = mark(
        shape,
        [
          titleOf(run),
          `${joules(value)} per token`,
          interval(lo, hi, run.coverage),
          startOf(run),
          short(run.model_name),
          sourceOf(run),
        ],
        { j: value, lo, hi, run: run.run_id },
      );
    }
  }
  // Lines join neighbours with power of one provenance: others are not comparable.
  const isJoined = (dots, no) => no && sourceOf(dots[no].run) === sourceOf(dots[no - 1].run);
  const joined = series
    .filter((one) => one.name !== OTHERS)
    .map(({ dots, colour }) => {
      const point = ({ at }, no) =>
        `${isJoined(dots, no) ? "L" : "M"}${round(x(at))} ${round(y(energies[at].value))}`;
      return s("path", { class: "trend", stroke: colour, d: dots.map(point).join("") });
    });
  const every = Math.max(1, Math.ceil(runs.length / (narrow ? 3 : 7)));
  const days = runs
    .map((run, at) => ({ value: at, text: `${startOf(run).slice(5, 16)}Z` }))
    .filter((_, at) => at % every === 0)
    .filter((one, at, all) => !at || one.text !== all[at - 1].text);
  const root = drawing(
    width,
    bottom + 24,
    "Energy per token of runs",
    axisY(ticks(0, highest, 4, "J"), y, left, right),
    axisX(days, x, bottom, bottom - 4),
    line(left, bottom, right, bottom, { class: "grid" }),
    joined,
    [...shapes.keys()].sort((a, b) => a - b).map((at) => shapes.get(at)),
  );
  marks(root, list, { act: (at, key) => key === "Enter" && open(runs[at]) });
  const hasModelled = runs.some(isModelled);
  return [
    root,
    legend(series.map((one) => ({ name: one.name, fill: one.colour }))),
    hasModelled ? element("p", { class: "note" }, "Hollow marks: modelled, not measured.") : null,
  ].filter(Boolean);
}
