// Power over time: a line of means, a shade from the lowest to the highest sample, phases in
// the background.

// Whether samples are missing between two steps; rounded times leave a small rest.
const isGap = (before, next) => next.t0 - before.t1 > (before.t1 - before.t0) * 0.01;

// Groups consecutive steps without a gap between them.
function contiguous(steps) {
  const rows = [];
  steps.forEach((step, at) => {
    if (!at || isGap(steps[at - 1], step)) rows.push([]);
    rows[rows.length - 1].push(step);
  });
  return rows;
}

// Steps in a range. A step at its end is cut: its energy is that of the part inside.
function stepsWithin(steps, from, to) {
  return steps
    .filter((step) => step.t1 > from && step.t0 < to)
    .map((step) => {
      const [t0, t1] = [Math.max(from, step.t0), Math.min(to, step.t1)];
      const part = (t1 - t0) / (step.t1 - step.t0);
      return part < 1 ? { ...step, t0, t1, ns: step.ns * part, j: step.j * part } : step;
    });
}

const mean = (step) => (step.j * 1e9) / step.ns;

function railPaths(rail, x, y) {
  let [path, shadow] = ["", ""];
  for (const row of contiguous(rail.steps)) {
    path += `M${round(x(row[0].t0))} ${round(y(mean(row[0])))}`;
    for (const step of row)
      path += `L${round(x(step.t0))} ${round(y(mean(step)))}H${round(x(step.t1))}`;
    shadow += `M${round(x(row[0].t0))} ${round(y(row[0].max))}`;
    for (const step of row) shadow += `V${round(y(step.max))}H${round(x(step.t1))}`;
    for (const step of [...row].reverse()) shadow += `V${round(y(step.min))}H${round(x(step.t0))}`;
    shadow += "Z";
  }
  return [path, shadow];
}

// Time and energy of a band, where they are known; those of the whole phase, even if it is cut.
function bandFigures(band, end, isCut) {
  const energy = isKnown(band.energy_j) ? `, ${joules(band.energy_j)}` : "";
  return `${isCut ? "whole phase: " : ""}${seconds(end - band.start_ns)}${energy}`;
}

// Bands of phases in the drawn range, with their names and, on request, their figures.
function bandMarks(timeline, names, { x, bottom, left, right, hasFigures }) {
  let free = 0;
  return timeline.bands.map((band) => {
    const end = isKnown(band.end_ns) ? band.end_ns : timeline.end_ns;
    const [from, to] = [x(band.start_ns), x(end)].map((at) => Math.max(left, Math.min(right, at)));
    if (end < (timeline.start_ns || 0) || x(band.start_ns) > right) return null;
    const box = rect(from, 4, Math.max(1, to - from), bottom - 4, {
      fill: phaseColour(names, band.phase),
      class: "band",
    });
    box.setAttribute("data-phase", band.phase);
    const words =
      from >= free ? label(from + 3, 16, to - from, band.phase, { class: "small" }) : null;
    if (words) free = Math.min(to, from + band.phase.length * LETTER);
    const style = { class: "small figures" };
    const isCut = x(band.start_ns) < left - 1 || x(end) > right + 1;
    const caption = hasFigures && words ? bandFigures(band, end, isCut) : "";
    const figures = caption ? label(from + 3, 30, to - from, caption, style, 6) : null;
    return [box, words, figures];
  });
}

// Names at the ends of their lines, moved apart if they would overlap.
function endLabels(rails, y, at, bottom) {
  const ends = rails
    .map((rail, no) => ({ rail, no, y: y(mean(rail.steps[rail.steps.length - 1])) }))
    .sort((a, b) => b.y - a.y);
  let last = bottom + 16;
  return ends.map((end) => {
    last = Math.min(end.y + 4, last - 14);
    return text(at + 6, last, shorten(end.rail.rail, 12), { class: "name" });
  });
}

// The step with the highest sample of a rail; none if all samples are too short to give a peak.
const peakStep = (rail) =>
  rail.steps
    .filter((step) => !step.short)
    .reduce((best, step) => (best === null || step.max > best.max ? step : best), null);

// A triangle at the highest sample of a rail, with its power if there is room.
function peakOf(rail, colour, { x, y, right, highest }) {
  const top = peakStep(rail);
  if (top === null || top.max <= 0) return [];
  const [at, over] = [x((top.t0 + top.t1) / 2), y(top.max)];
  const isRight = at > right - 70;
  const style = { class: "small over", "text-anchor": isRight ? "end" : "start" };
  const triangle = `M${round(at - 5)} ${round(over - 10)}h10l-5 8z`;
  return [
    s("path", { d: triangle, fill: colour, class: "peak" }),
    top.max > highest * 0.2
      ? text(at + (isRight ? -8 : 8), Math.max(30, over - 3), watts(top.max), style)
      : null,
  ];
}

function railGroup(rail, at, place) {
  const { x, y, left, right } = place;
  const colour = railColour(at);
  const [path, shadow] = railPaths(rail, x, y);
  const data = {
    "data-rail": rail.rail,
    "data-j": energyOf(rail),
    "data-peak": peakStep(rail)?.max ?? null,
    "data-steps": rail.steps.length,
  };
  const idle = { stroke: colour, class: "idle", "data-idle": rail.idle_w };
  const dash = DASHES[at % DASHES.length] || null;
  return s(
    "g",
    data,
    s("path", { d: shadow, fill: colour, class: "shadow" }),
    isKnown(rail.idle_w) ? line(left, y(rail.idle_w), right, y(rail.idle_w), idle) : null,
    s("path", { d: path, stroke: colour, class: "line", "stroke-dasharray": dash }),
    peakOf(rail, colour, place),
  );
}

const energyOf = (rail) => sum(rail.steps.map((step) => step.j));

// Words about a rail in the legend: its provenance, energy and idle power.
const railWords = (rail) =>
  [
    provenanceWords(rail.provenance),
    joules(energyOf(rail)),
    isKnown(rail.idle_w) ? `idle ${watts(rail.idle_w)}` : "",
  ]
    .filter(Boolean)
    .join(", ");

function timelineLegend(rails, bands, names, words = railWords) {
  const lines = rails.map((rail, at) => ({
    name: `${rail.rail}: ${words(rail)}`,
    fill: railColour(rail.at ?? at),
    dash: DASHES[(rail.at ?? at) % DASHES.length],
  }));
  const phases = [...new Set(bands.map((band) => band.phase))].slice(0, 8);
  const colours = phases.map((phase) => ({ name: phase, fill: phaseColour(names, phase) }));
  return legend([...lines, ...colours]);
}

// Short lines below the chart where tokens begin.
function tokenMarks(tokens, { x, left, right, bottom }) {
  const places = tokens.map((token) => x(token.start_ns)).filter((at) => at >= left && at <= right);
  const spaced = places.filter((at, no) => !no || Math.floor(at) !== Math.floor(places[no - 1]));
  const path = spaced.map((at) => `M${round(at)} ${bottom - 7}v7`).join("");
  return s("path", { d: path, class: "token-marks", "data-tokens": places.length });
}

// Scales of a timeline in a place, and all that is drawn of it: bands, axes, rails, tokens.
// `start_ns` is 0 unless it is a range of the run.
function powerShapes(timeline, names, place, { hasFigures, tokens } = {}) {
  const { rails, start_ns: begin = 0, end_ns: end } = timeline;
  const { left, right, bottom, narrow } = place;
  const steps = rails.flatMap((rail) => rail.steps);
  const idle = rails.map((rail) => rail.idle_w || 0);
  const highest = Math.max(...steps.map((step) => step.max), ...idle, 1e-9);
  const lowest = Math.min(0, ...steps.map((step) => step.min));
  const x = linear(begin, end, left, right);
  const y = linear(lowest, highest * (hasFigures ? 1.2 : 1.08), bottom, 22);
  const scales = { ...place, x, y, highest, hasFigures };
  const times = ticks(begin / 1e9, end / 1e9, narrow ? 4 : 9, "s").filter((one) => one.value >= 0);
  return {
    x,
    shapes: [
      bandMarks(timeline, names, scales),
      axisY(ticks(lowest, highest * 1.08, 5, "W"), y, left, right),
      axisX(times, (time) => x(time * 1e9), bottom, bottom - 4),
      rails.map((rail, at) => railGroup(rail, rail.at ?? at, scales)),
      tokens ? tokenMarks(tokens, scales) : null,
      narrow || !rails.length ? null : endLabels(rails, y, right, bottom),
    ],
  };
}

// Powers of rails at a time, and its phase. A rail without a sample at that time has a dash.
function powerLines({ rails, bands, end_ns: end }, time) {
  const values = rails.map((rail) => {
    const step = rail.steps.find((one) => one.t0 <= time && time < one.t1);
    if (!step) return `${rail.rail}: ${UNKNOWN}`;
    const range = step.max > step.min ? ` (${watts(step.min)} .. ${watts(step.max)})` : "";
    return `${rail.rail}: ${watts(mean(step))}${range}`;
  });
  const isIn = (band) => band.start_ns <= time && time < (isKnown(band.end_ns) ? band.end_ns : end);
  return [...values, bands.filter(isIn).pop()?.phase || ""];
}

// Times at which values are read: the steps of the rail with the most, and the gaps between them.
function readingStops(rails) {
  const { steps } = rails.reduce((best, rail) =>
    rail.steps.length > best.steps.length ? rail : best,
  );
  return steps.flatMap((step, at) => {
    const before = steps[at - 1];
    return before && isGap(before, step) ? [{ t0: before.t1, t1: step.t0 }, step] : [step];
  });
}

function powerReader(timeline, place, x) {
  const { start_ns: begin = 0, end_ns: end, rails } = timeline;
  const stops = readingStops(rails);
  const middle = (at) => (stops[at].t0 + stops[at].t1) / 2;
  return new Reader({
    place: { ...place, top: 4 },
    label: "Power over time",
    count: stops.length,
    xAt: (at) => x(middle(at)),
    linesAt: (at) => [
      `${seconds(stops[at].t0)} to ${seconds(stops[at].t1)}`,
      ...powerLines(timeline, middle(at)),
    ],
    positionAt: (share) => {
      const found = stops.findIndex((stop) => stop.t1 > begin + share * (end - begin));
      return found < 0 ? stops.length - 1 : found;
    },
  });
}

// The whole run, or the range from `timeline.start_ns` to `timeline.end_ns`. `more` may hold
// tokens to mark, and states whether bands have figures.
charts.timeline = (run, width, _, more) => {
  const { timeline, heads: names } = run;
  const narrow = width < 620;
  const place = { left: 58, right: width - (narrow ? 12 : 96), bottom: narrow ? 210 : 290, narrow };
  const { x, shapes } = powerShapes(timeline, names, place, more);
  const { elements } = powerReader(timeline, place, x);
  const root = drawing(width, place.bottom + 24, "Power over time", shapes, elements);
  const notes = [
    timeline.rails_left_out > 0 ? `${timeline.rails_left_out} more rails are not drawn.` : "",
    timeline.bands_cut ? "Only the first phases are marked." : "",
  ];
  return [
    root,
    timelineLegend(timeline.rails, timeline.bands, names),
    more && notes.some(Boolean) ? h("p", { class: "note" }, notes.join(" ")) : null,
  ];
};
