// Power of rails over the last seconds, with phases in the background, idle power as a dashed
// line and a triangle at each peak. The drawing stays; its content moves.

import {
  axisX,
  axisY,
  bandMarks,
  DASHES,
  drawing,
  endLabels,
  hideTip,
  isKnown,
  joules,
  line,
  linear,
  mean,
  phaseColour,
  railColour,
  railGroup,
  rect,
  s,
  seconds,
  showTip,
  ticks,
  watts,
} from "/assets/charts.js";
import { element, replace } from "../../dom.js";

// Most steps of a rail, and shortest time that is shown.
const STEPS = 600;
const SHORTEST_NS = 2e9;

// Steps of the samples that end after `from`, merged if there are too many.
export function stepsOf(samples, from) {
  const some = samples.filter((one) => one.end_ns > from && isKnown(one.power_w));
  const by = Math.ceil(some.length / STEPS) || 1;
  const steps = [];
  for (let at = 0; at < some.length; at += by) {
    const part = some.slice(at, at + by);
    steps.push({
      t0: Math.max(from, part[0].start_ns),
      t1: part[part.length - 1].end_ns,
      ns: part.reduce((sum, one) => sum + one.end_ns - one.start_ns, 0),
      j: part.reduce((sum, one) => sum + one.energy_j, 0),
      min: Math.min(...part.map((one) => one.power_w)),
      max: Math.max(...part.map((one) => one.power_w)),
    });
  }
  return steps;
}

// The timeline of the last `length_ns`, or since the first sample, in the form of the report's.
function windowOf(run, length_ns) {
  const end_ns = Math.max(run.now_ns, 1);
  const starts = [...run.rails.values()].map((rail) => rail.samples[0]).filter(Boolean);
  const first = Math.min(end_ns - SHORTEST_NS, ...starts.map((one) => one.start_ns));
  const from = Math.max(first, end_ns - length_ns);
  const rails = [...run.rails.values()].map((rail, at) => ({
    ...rail,
    at,
    steps: stepsOf(rail.samples, from),
  }));
  const bands = [...run.bands.values()]
    .filter((band) => !isKnown(band.end_ns) || band.end_ns > from)
    .map((band) => ({ ...band, start_ns: Math.max(from, band.start_ns) }));
  return { from, end_ns, rails: rails.filter((rail) => rail.steps.length), bands };
}

// Creates the chart in a frame. `show(run, seconds)` draws the run.
export function powerChart(frame) {
  let [run, length_ns] = [null, 40e9];
  let [parts, width] = [null, 0];
  let shown = null;
  // Distance of the reading cursor from the right end, as a share of the width.
  let read = null;

  function build(to) {
    width = to;
    const narrow = width < 620;
    const place = { left: 58, right: width - (narrow ? 12 : 96), bottom: narrow ? 190 : 250, narrow };
    const moving = s("g", {});
    const cursor = line(0, 4, 0, place.bottom, { class: "cursor", visibility: "hidden" });
    const catcher = rect(place.left, 4, place.right - place.left, place.bottom - 4, {
      fill: "transparent",
      class: "mark",
      tabindex: 0,
      role: "slider",
      "aria-label": "Power over time: arrow keys read the values",
      "aria-valuemin": 0,
      "aria-valuemax": 0,
      "aria-valuenow": 0,
    });
    const svg = drawing(width, place.bottom + 24, "Power over time", moving, cursor, catcher);
    const legend = element("ul", { class: "legend" });
    parts = { place, moving, cursor, catcher, svg, legend, key: "" };
    listen();
    refresh();
    return [svg, legend];
  }

  function refresh() {
    const { place, moving } = parts;
    const { left, right, bottom, narrow } = place;
    shown = windowOf(run, length_ns);
    const { from, end_ns: end, rails, bands } = shown;
    const steps = rails.flatMap((rail) => rail.steps);
    const idle = rails.map((rail) => rail.idle_w || 0);
    const highest = Math.max(...steps.map((step) => step.max), ...idle, 1e-9);
    const x = linear(from, end, left, right);
    const y = linear(0, highest * 1.1, bottom, 22);
    const times = ticks(from / 1e9, end / 1e9, narrow ? 4 : 8, "s").filter((one) => one.value >= 0);
    replace(
      moving,
      bandMarks({ bands, end_ns: end }, run.phases, x, bottom).flat(),
      axisY(ticks(0, highest * 1.1, 4, "W"), y, left, right),
      axisX(times, (time) => x(time * 1e9), bottom, bottom - 4),
      rails.map((rail) => railGroup(rail, rail.at, { x, y, left, right, highest })),
      narrow || !rails.length ? null : endLabels(rails, y, right, bottom),
    );
    legend();
    if (read !== null) show();
  }

  function legend() {
    const rails = [...run.rails.values()];
    const phases = [...new Set(shown.bands.map((band) => band.phase))].slice(0, 8);
    const key = JSON.stringify([rails.map((rail) => [rail.rail, rail.provenance]), phases]);
    if (key === parts.key) return;
    parts.key = key;
    const swatch = (...shapes) => s("svg", { width: 18, height: 12, "aria-hidden": "true" }, shapes);
    replace(
      parts.legend,
      rails.map((rail, at) =>
        element(
          "li",
          {},
          swatch(
            line(0, 6, 18, 6, {
              stroke: railColour(at),
              "stroke-width": 2.5,
              "stroke-dasharray": DASHES[at % DASHES.length] || null,
            }),
          ),
          ` ${rail.rail}: ${words(rail.provenance)}`,
        ),
      ),
      phases.map((phase) =>
        element(
          "li",
          {},
          swatch(rect(0.5, 0.5, 17, 11, { fill: phaseColour(run.phases, phase), class: "swatch" })),
          ` ${phase}`,
        ),
      ),
    );
  }

  // Shows the values at the cursor.
  function show(point) {
    const { place, cursor, catcher } = parts;
    const { from, end_ns: end, rails, bands } = shown;
    const time = end - read * (end - from);
    const x = linear(from, end, place.left, place.right)(time);
    const values = rails.map((rail) => {
      const step = rail.steps.find((one) => one.t0 <= time && time < one.t1);
      return `${rail.rail}: ${step ? watts(mean(step)) : "–"}`;
    });
    const band = bands.filter((one) => one.start_ns <= time && time < (one.end_ns ?? end)).pop();
    const lines = [`at ${seconds(time)}`, ...values, band ? band.phase : ""].filter(Boolean);
    cursor.setAttribute("visibility", "visible");
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    catcher.setAttribute("aria-valuemin", from / 1e9);
    catcher.setAttribute("aria-valuemax", end / 1e9);
    catcher.setAttribute("aria-valuenow", time / 1e9);
    catcher.setAttribute("aria-valuetext", lines.join("; "));
    const box = catcher.getBoundingClientRect();
    showTip(catcher, lines, point || { x: box.right - read * box.width, y: box.top + 30 });
  }

  function listen() {
    const { catcher, cursor } = parts;
    const leave = () => {
      read = null;
      cursor.setAttribute("visibility", "hidden");
      hideTip();
    };
    catcher.addEventListener("focus", () => {
      read = read ?? 0;
      show();
    });
    catcher.addEventListener("blur", leave);
    catcher.addEventListener("pointerleave", leave);
    catcher.addEventListener("pointermove", (event) => {
      const box = catcher.getBoundingClientRect();
      read = Math.max(0, Math.min(1, (box.right - event.clientX) / box.width));
      show({ x: event.clientX, y: event.clientY });
    });
    catcher.addEventListener("keydown", (event) => {
      const by = {
        ArrowRight: -0.01,
        ArrowUp: -0.01,
        ArrowLeft: 0.01,
        ArrowDown: 0.01,
        PageUp: -0.1,
        PageDown: 0.1,
        Home: 1,
        End: -1,
      }[event.key];
      if (!by) return;
      event.preventDefault();
      read = Math.max(0, Math.min(1, (read ?? 0) + by));
      show();
    });
  }

  const paint = (to) => {
    if (!parts || to !== width || !parts.svg.isConnected) return build(to);
    refresh();
    return null;
  };
  return {
    show(shownRun, length_s) {
      if (run !== shownRun) parts = null;
      [run, length_ns] = [shownRun, length_s * 1e9];
      frame.draw(paint);
    },
  };
}

export const words = (provenance) =>
  provenance === "modelled" ? "modelled, not measured" : provenance || "source unknown";

// Rails as a table: what the chart shows, in numbers.
export const railColumns = [
  { title: "Rail", name: "rail" },
  { title: "Source" },
  { title: "Power now", numeric: true, name: "power_w" },
  { title: "Idle power", numeric: true },
  { title: "Peak", numeric: true },
  { title: "Energy", numeric: true, name: "energy_j" },
  { title: "In totals" },
  { title: "Power is" },
];
export function railRows(run) {
  return [...run.rails.values()].map((rail) => {
    const last = rail.samples[rail.samples.length - 1];
    return [
      rail.rail,
      rail.source,
      { text: watts(last && last.power_w), value: last && last.power_w },
      watts(rail.idle_w),
      watts(rail.peak_w),
      { text: joules(rail.samples.length ? rail.energy_j : null), value: rail.energy_j },
      rail.is_root ? "yes" : "no: part of another rail",
      words(rail.provenance),
    ];
  });
}
