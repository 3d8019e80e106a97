// Power of runs over each other, each from its start.

import {
  axisX,
  axisY,
  contiguous,
  drawing,
  linear,
  mean,
  Reader,
  s,
  seconds,
  ticks,
  UNKNOWN,
  watts,
} from "/assets/charts.js";
import { colourOf, dashOf, legendOf } from "./sides.js";

// Positions at which values are read.
const POSITIONS = 200;

// Total power of a run: steps of its root rails, summed where all have a value.
function totalPower(timeline) {
  const roots = timeline.rails.filter((rail) => rail.is_root && rail.steps.length);
  // Roots come first. If rails are left out and no other rail follows the roots, some may be missing.
  const isCut = timeline.rails_left_out > 0 && timeline.rails.every((rail) => rail.is_root);
  if (!roots.length || isCut) return [];
  // Rails of one source have common steps; others are read at the steps of the finest one.
  const [base, ...others] = [...roots].sort((a, b) => b.steps.length - a.steps.length);
  const cursors = others.map(() => 0);
  return base.steps.flatMap((step) => {
    const middle = (step.t0 + step.t1) / 2;
    let power = mean(step);
    for (let no = 0; no < others.length; no += 1) {
      const { steps } = others[no];
      while (cursors[no] < steps.length - 1 && steps[cursors[no]].t1 <= middle) cursors[no] += 1;
      const here = steps[cursors[no]];
      if (middle < here.t0 || middle >= here.t1) return [];
      power += mean(here);
    }
    return [{ t0: step.t0, t1: step.t1, power }];
  });
}

// Power over time, aligned at the start of each run. `runs` have `side`, `no`, `label`, `title`,
// `isModelled` and `charts`.
export function powerOverlay(runs, width) {
  const known = runs.filter((one) => one.charts.timeline);
  const lines = known.map((one) => ({ ...one, steps: totalPower(one.charts.timeline) }));
  const drawn = lines.filter((one) => one.steps.length);
  if (!drawn.length) return null;
  const narrow = width < 620;
  const place = { left: 58, right: width - 14, top: 8, bottom: narrow ? 190 : 250 };
  const { left, right, top, bottom } = place;
  const end = Math.max(...drawn.map((one) => one.steps[one.steps.length - 1].t1));
  const highest =
    Math.max(...drawn.flatMap((one) => one.steps.map((step) => step.power)), 1e-9) * 1.08;
  const x = linear(0, end, left, right);
  const y = linear(0, highest, bottom, top + 8);
  const times = ticks(0, end / 1e9, narrow ? 4 : 8, "s");
  const path = ({ steps }) =>
    contiguous(steps)
      .map((row) =>
        row.reduce(
          (text, step) =>
            `${text}L${x(step.t0).toFixed(1)} ${y(step.power).toFixed(1)}H${x(step.t1).toFixed(1)}`,
          `M${x(row[0].t0).toFixed(1)} ${y(row[0].power).toFixed(1)}`,
        ),
      )
      .join("");
  const svg = drawing(
    width,
    bottom + 24,
    "Power of the runs",
    axisY(ticks(0, highest, 4, "W"), y, left, right),
    axisX(times, (time) => x(time * 1e9), bottom, bottom - 4),
    drawn.map((one) =>
      s("path", {
        d: path(one),
        class: "line",
        stroke: colourOf(one.side),
        "stroke-dasharray": dashOf(one) || null,
        "data-run": one.id,
      }),
    ),
  );
  const count = POSITIONS;
  const timeAt = (at) => (end * at) / (count - 1);
  const reader = new Reader({
    place,
    count,
    label: "Power of the runs",
    xAt: (at) => x(timeAt(at)),
    linesAt: (at) => [
      seconds(timeAt(at)),
      ...drawn.map((one) => {
        const step = one.steps.find((each) => each.t0 <= timeAt(at) && timeAt(at) < each.t1);
        return `${one.label} ${one.title}: ${step ? watts(step.power) : UNKNOWN}`;
      }),
    ],
  });
  svg.append(...reader.elements);
  return [svg, legendOf(drawn)];
}
