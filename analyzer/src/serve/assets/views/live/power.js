// Power of rails over the last seconds, with phases in the background, idle power as a dashed
// line and a triangle at each peak. The drawing stays; its content moves.

import {
  axisX,
  axisY,
  bandMarks,
  DASHES,
  drawing,
  endLabels,
  isKnown,
  line,
  linear,
  mean,
  phaseColour,
  railColour,
  railGroup,
  rect,
  s,
  seconds,
  ticks,
  watts,
} from "/assets/charts.js";
import { element, replace } from "../../dom.js";
import { Reader } from "../reader.js";
import { sourceOf } from "./rails.js";

// Most steps of a rail, and shortest time that is shown.
const STEPS = 600;
const SHORTEST_NS = 2e9;
// Positions at which values are read; the last one is now.
const POSITIONS = 201;

// Steps of the samples that end after `from`, merged if there are too many.
function stepsOf(samples, from) {
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

// The chart in a frame.
export class LivePower {
  constructor(frame) {
    this.frame = frame;
    this.run = null;
    this.parts = null;
  }

  // Draws the last `seconds` of a run.
  show(run, length_s) {
    if (this.run !== run) this.parts = null;
    this.run = run;
    this.length_ns = length_s * 1e9;
    this.frame.draw((width) => this.#paint(width));
  }

  #paint(width) {
    const { parts } = this;
    if (!parts || parts.width !== width || !parts.svg.isConnected) return this.#build(width);
    this.#refresh();
    return null;
  }

  #build(width) {
    const narrow = width < 620;
    const place = {
      left: 58,
      right: width - (narrow ? 12 : 96),
      top: 4,
      bottom: narrow ? 190 : 250,
    };
    const moving = s("g", {});
    const reader = new Reader({
      place,
      label: "Power over time",
      count: POSITIONS,
      first: POSITIONS - 1,
      xAt: (at) => place.left + ((place.right - place.left) * at) / (POSITIONS - 1),
      linesAt: (at) => this.#linesAt(at / (POSITIONS - 1)),
    });
    const label = "Power over time";
    const svg = drawing(width, place.bottom + 24, label, moving, reader.elements);
    const legend = element("ul", { class: "legend" });
    this.parts = { width, narrow, place, moving, reader, svg, legend, key: "" };
    this.#refresh();
    return [svg, legend];
  }

  #refresh() {
    const { run } = this;
    const { place, moving, narrow, reader } = this.parts;
    const { left, right, bottom } = place;
    this.shown = windowOf(run, this.length_ns);
    const { from, end_ns: end, rails, bands } = this.shown;
    const steps = rails.flatMap((rail) => rail.steps);
    const idle = rails.map((rail) => rail.idle_w || 0);
    const highest = Math.max(...steps.map((step) => step.max), ...idle, 1e-9);
    const x = linear(from, end, left, right);
    const y = linear(0, highest * 1.1, bottom, 22);
    const times = ticks(from / 1e9, end / 1e9, narrow ? 4 : 8, "s").filter((one) => one.value >= 0);
    replace(
      moving,
      bandMarks({ bands, start_ns: from, end_ns: end }, run.phases, { x, bottom, left, right }),
      axisY(ticks(0, highest * 1.1, 4, "W"), y, left, right),
      axisX(times, (time) => x(time * 1e9), bottom, bottom - 4),
      rails.map((rail) => railGroup(rail, rail.at, { x, y, left, right, highest })),
      narrow || !rails.length ? null : endLabels(rails, y, right, bottom),
    );
    this.#legend();
    reader.refresh();
  }

  // Names of lines and colours; they change rarely.
  #legend() {
    const { run, parts } = this;
    const rails = [...run.rails.values()];
    const phases = [...new Set(this.shown.bands.map((band) => band.phase))].slice(0, 8);
    const key = JSON.stringify([rails.map((rail) => [rail.rail, rail.provenance]), phases]);
    if (key === parts.key) return;
    parts.key = key;
    const entry = (shape, text) => {
      const swatch = s("svg", { width: 18, height: 12, "aria-hidden": "true" }, shape);
      return element("li", {}, swatch, ` ${text}`);
    };
    const stroke = (at) => ({
      stroke: railColour(at),
      "stroke-width": 2.5,
      "stroke-dasharray": DASHES[at % DASHES.length] || null,
    });
    const fill = (phase) => ({ fill: phaseColour(run.phases, phase), class: "swatch" });
    replace(
      parts.legend,
      rails.map((rail, at) =>
        entry(line(0, 6, 18, 6, stroke(at)), `${rail.rail}: ${sourceOf(rail)}`),
      ),
      phases.map((phase) => entry(rect(0.5, 0.5, 17, 11, fill(phase)), phase)),
    );
  }

  // Values at a share of the width.
  #linesAt(share) {
    const { from, end_ns: end, rails, bands } = this.shown;
    const time = from + share * (end - from);
    const values = rails.map((rail) => {
      const step = rail.steps.find((one) => one.t0 <= time && time < one.t1);
      return `${rail.rail}: ${step ? watts(mean(step)) : "–"}`;
    });
    const band = bands.filter((one) => one.start_ns <= time && time < (one.end_ns ?? end)).pop();
    return [`at ${seconds(time)}`, ...values, band ? band.phase : ""];
  }
}
