// Runs over each other: power from the start of each run, energies of tokens.

import {
  axisX,
  axisY,
  contiguous,
  DASHES,
  drawing,
  hideTip,
  HUES,
  interval,
  isKnown,
  joules,
  legend,
  line,
  linear,
  mean,
  rect,
  s,
  seconds,
  showTip,
  sum,
  ticks,
  watts,
  whiskerY,
} from "/assets/charts.js";
import { element } from "../../dom.js";

const COLOURS = ["blue", "orange", "green", "purple"];
export const colourOf = (side) => HUES[COLOURS[side]];
// Tokens up to which each has its own error bar.
const WHISKERS = 60;

// Total power of a run: steps of its root rails, summed where all have a value.
export function totalPower(timeline) {
  const roots = timeline.rails.filter((rail) => rail.is_root && rail.steps.length);
  if (!roots.length) return [];
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

const nameOf = (one) => `${one.label}: ${one.title}${one.isModelled ? " (modelled, not measured)" : ""}`;
const dashOf = (one) => DASHES[one.no % DASHES.length];
const legendOf = (runs) =>
  legend(runs.map((one) => ({ name: nameOf(one), fill: colourOf(one.side), dash: dashOf(one) })));

// Reads the values at a position with mouse and arrow keys.
function reader({ svg, cursor, place, count, linesAt, xAt, label }) {
  const { left, right, top, bottom } = place;
  const catcher = rect(left, top, right - left, bottom - top, {
    fill: "transparent",
    class: "mark",
    tabindex: 0,
    role: "slider",
    "aria-label": `${label}: arrow keys read the values`,
    "aria-valuemin": 0,
    "aria-valuemax": count - 1,
    "aria-valuenow": 0,
  });
  let at = 0;
  const show = (point) => {
    const lines = linesAt(at);
    const x = xAt(at);
    cursor.setAttribute("visibility", "visible");
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    catcher.setAttribute("aria-valuenow", at);
    catcher.setAttribute("aria-valuetext", lines.join("; "));
    const box = catcher.getBoundingClientRect();
    const scale = box.width / (right - left);
    showTip(catcher, lines, point || { x: box.left + (x - left) * scale, y: box.top + 30 });
  };
  const leave = () => {
    cursor.setAttribute("visibility", "hidden");
    hideTip();
  };
  catcher.addEventListener("focus", () => show());
  catcher.addEventListener("blur", leave);
  catcher.addEventListener("pointerleave", leave);
  catcher.addEventListener("pointermove", (event) => {
    const box = catcher.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    at = Math.max(0, Math.min(count - 1, Math.round(share * (count - 1))));
    show({ x: event.clientX, y: event.clientY });
  });
  catcher.addEventListener("keydown", (event) => {
    const by = {
      ArrowRight: 1,
      ArrowUp: 1,
      ArrowLeft: -1,
      ArrowDown: -1,
      PageUp: 10,
      PageDown: -10,
      Home: -count,
      End: count,
    }[event.key];
    if (!by) return;
    event.preventDefault();
    at = Math.max(0, Math.min(count - 1, at + by));
    show();
  });
  svg.append(cursor, catcher);
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
  const highest = Math.max(...drawn.flatMap((one) => one.steps.map((step) => step.power)), 1e-9) * 1.08;
  const x = linear(0, end, left, right);
  const y = linear(0, highest, bottom, top + 8);
  const times = ticks(0, end / 1e9, narrow ? 4 : 8, "s");
  const path = ({ steps }) =>
    contiguous(steps)
      .map((row) =>
        row.reduce(
          (text, step) => `${text}L${x(step.t0).toFixed(1)} ${y(step.power).toFixed(1)}H${x(step.t1).toFixed(1)}`,
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
  const count = 200;
  const timeAt = (at) => (end * at) / (count - 1);
  reader({
    svg,
    cursor: line(0, top, 0, bottom, { class: "cursor", visibility: "hidden" }),
    place,
    count,
    label: "Power of the runs",
    xAt: (at) => x(timeAt(at)),
    linesAt: (at) => [
      seconds(timeAt(at)),
      ...drawn.map((one) => {
        const step = one.steps.find((each) => each.t0 <= timeAt(at) && timeAt(at) < each.t1);
        return `${one.label} ${one.title}: ${step ? watts(step.power) : "–"}`;
      }),
    ],
  });
  return [svg, legendOf(drawn)];
}

// Energies of tokens in order, each run a line; the interval of a token where it is known.
export function tokenOverlay(runs, width) {
  const drawn = runs
    .filter((one) => one.charts.tokens && one.charts.tokens.bars.some((bar) => isKnown(bar.j)))
    .map((one) => ({ ...one, bars: one.charts.tokens.bars }));
  if (!drawn.length) return null;
  const narrow = width < 620;
  const place = { left: 62, right: width - 14, top: 8, bottom: narrow ? 190 : 230 };
  const { left, right, top, bottom } = place;
  const count = Math.max(...drawn.map((one) => one.bars.length));
  const each = (bar) => (isKnown(bar.j) ? bar.j / bar.n : null);
  const ends = drawn.flatMap((one) => one.bars.flatMap((bar) => [each(bar), bar.hi])).filter(isKnown);
  const highest = Math.max(...ends, 1e-15) * 1.06;
  const x = linear(0, Math.max(1, count - 1), left + 8, right - 8);
  const y = linear(0, highest, bottom, top + 6);
  const path = ({ bars }) => {
    let isOpen = false;
    return bars
      .map((bar, at) => {
        const energy = each(bar);
        if (energy === null) {
          isOpen = false;
          return "";
        }
        const part = `${isOpen ? "L" : "M"}${x(at).toFixed(1)} ${y(energy).toFixed(1)}`;
        isOpen = true;
        return part;
      })
      .join("");
  };
  const whiskers = (one) =>
    one.bars.length <= WHISKERS
      ? one.bars.map((bar, at) => whiskerY(y, bar.lo, bar.hi, x(at), 3)).filter(Boolean)
      : [];
  const perBar = Math.max(...drawn.map((one) => one.charts.tokens.per_bar || 1));
  const svg = drawing(
    width,
    bottom + 24,
    "Energy of tokens of the runs",
    axisY(ticks(0, highest, 4, "J"), y, left, right),
    axisX(
      ticks(0, Math.max(1, count - 1), narrow ? 4 : 8, null).filter((one) => Number.isInteger(one.value)),
      x,
      bottom,
      bottom - 4,
    ),
    drawn.map((one) => [
      whiskers(one),
      s("path", {
        d: path(one),
        class: "line",
        stroke: colourOf(one.side),
        "stroke-dasharray": dashOf(one) || null,
        "data-run": one.id,
        "data-j": sum(one.bars.map((bar) => bar.j)),
      }),
    ]),
  );
  reader({
    svg,
    cursor: line(0, top, 0, bottom, { class: "cursor", visibility: "hidden" }),
    place,
    count,
    label: "Energy of tokens",
    xAt: (at) => x(at),
    linesAt: (at) => [
      perBar > 1 ? `position ${at + 1} of ${count}` : `token ${at}`,
      ...drawn.map((one) => {
        const bar = one.bars[at];
        if (!bar) return `${one.label} ${one.title}: ended`;
        const hasInterval = isKnown(bar.lo) || isKnown(bar.hi);
        const text = bar.text ? ` “${bar.text}”` : "";
        return `${one.label} ${one.title}: ${joules(each(bar))}${hasInterval ? `, ${interval(bar.lo, bar.hi)}` : ""}${text}`;
      }),
    ],
  });
  return [
    svg,
    legendOf(drawn),
    perBar > 1 ? element("p", { class: "note" }, `Positions are means of up to ${perBar} tokens.`) : null,
  ].filter(Boolean);
}
