// Power of rails over the last seconds, with phases in the background, idle power as a dashed
// line and a triangle at each peak. The drawing stays; its content moves.

import {
  contiguous,
  drawing,
  h,
  isKnown,
  linear,
  powerLines,
  powerShapes,
  provenanceWords,
  Reader,
  s,
  seconds,
  stepsWithin,
  sum,
  timelineLegend,
} from "/assets/charts.js";
import { replace } from "../../dom.js";
import { isShort } from "./run.js";

// Most steps of a rail, and shortest time that is shown.
const STEPS = 600;
const SHORTEST_NS = 2e9;
// Positions at which values are read; the last one is now.
const POSITIONS = 201;

// One step for some samples without a gap between them.
const merged = (samples) => ({
  t0: samples[0].t0,
  t1: samples[samples.length - 1].t1,
  ns: sum(samples.map((one) => one.ns)),
  j: sum(samples.map((one) => one.j)),
  min: Math.min(...samples.map((one) => one.min)),
  max: Math.max(...samples.map((one) => one.max)),
  short: samples.every((one) => one.short),
});

// Steps of the samples from `from` to `to`, merged if there are too many. A sample of unknown energy
// is a gap, like a missing one. Samples that are far shorter than the others give no peak.
function stepsOf({ samples, interval_ns: usual }, from, to) {
  const known = samples.filter((one) => isKnown(one.power_w) && isKnown(one.energy_j));
  const each = known.map((sample) => {
    const { start_ns: t0, end_ns: t1, energy_j: j, power_w: power } = sample;
    return { t0, t1, ns: t1 - t0, j, min: power, max: power, short: isShort(sample, usual) };
  });
  const steps = stepsWithin(each, from, to);
  const by = Math.ceil(steps.length / STEPS) || 1;
  if (by === 1) return steps;
  return contiguous(steps).flatMap((row) =>
    [...Array(Math.ceil(row.length / by)).keys()].map((at) =>
      merged(row.slice(at * by, at * by + by)),
    ),
  );
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
    steps: stepsOf(rail, from, end_ns),
  }));
  const bands = [...run.bands.values()]
    .filter((band) => !isKnown(band.end_ns) || band.end_ns > from)
    .map((band) => ({ ...band, start_ns: Math.max(from, band.start_ns) }));
  return { start_ns: from, end_ns, rails: rails.filter((rail) => rail.steps.length), bands };
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
    const right = width - (narrow ? 12 : 96);
    const place = { left: 58, right, top: 4, bottom: narrow ? 190 : 250, narrow };
    const moving = s("g", {});
    const label = "Power over time";
    const reader = new Reader({
      place,
      label,
      count: POSITIONS,
      first: POSITIONS - 1,
      xAt: linear(0, POSITIONS - 1, place.left, right),
      linesAt: (at) => this.#linesAt(at / (POSITIONS - 1)),
    });
    const svg = drawing(width, place.bottom + 24, label, moving, reader.elements);
    const legend = h("div", {});
    this.parts = { width, place, moving, reader, svg, legend, key: "" };
    this.#refresh();
    return [svg, legend];
  }

  #refresh() {
    const { place, moving, reader } = this.parts;
    this.shown = windowOf(this.run, this.length_ns);
    replace(moving, powerShapes(this.shown, this.run.phases, place).shapes);
    this.#legend();
    reader.refresh();
  }

  // Names of lines and colours; they change rarely.
  #legend() {
    const { run, parts, shown } = this;
    const rails = [...run.rails.values()];
    const words = (rail) => provenanceWords(rail.provenance);
    const key = JSON.stringify([
      rails.map((rail) => [rail.rail, words(rail)]),
      shown.bands.map((band) => band.phase),
    ]);
    if (key === parts.key) return;
    parts.key = key;
    replace(parts.legend, timelineLegend(rails, shown.bands, run.phases, words));
  }

  // Values at a share of the width.
  #linesAt(share) {
    const { start_ns: from, end_ns: end } = this.shown;
    const time = from + share * (end - from);
    return [`at ${seconds(time)}`, ...powerLines(this.shown, time)];
  }
}
