// Power over time: a line of means, a shade from the lowest to the highest sample, phases in
// the background.

// Groups consecutive steps without a gap between them.
function contiguous(steps) {
  const rows = [];
  let before = null;
  for (const step of steps) {
    if (!before || step.t0 > before.t1 + (before.t1 - before.t0) * 0.5) rows.push([]);
    rows[rows.length - 1].push(step);
    before = step;
  }
  return rows;
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

// Time and energy of a band, where they are known.
const bandFigures = (band, end) =>
  [seconds(end - band.start_ns), isKnown(band.energy_j) ? joules(band.energy_j) : ""]
    .filter(Boolean)
    .join(", ");

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
    const figures =
      hasFigures && words ? label(from + 3, 30, to - from, bandFigures(band, end), style, 6) : null;
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

// A triangle at the highest sample of a rail, with its power if there is room.
function peakOf(rail, colour, { x, y, right, highest }) {
  const top = rail.steps.reduce((best, step) => (step.max > best.max ? step : best));
  if (top.max <= 0) return [];
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
    "data-j": sum(rail.steps.map((step) => step.j)),
    "data-peak": Math.max(...rail.steps.map((step) => step.max)),
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

function timelineLegend(timeline, names) {
  const rails = timeline.rails.map((rail, at) => {
    const whole = joules(sum(rail.steps.map((step) => step.j)));
    const idle = isKnown(rail.idle_w) ? `, idle ${watts(rail.idle_w)}` : "";
    return {
      name: `${rail.rail}: ${rail.provenance}, ${whole}${idle}`,
      fill: railColour(at),
      dash: DASHES[at % DASHES.length],
    };
  });
  const phases = [...new Set(timeline.bands.map((band) => band.phase))].slice(0, 8);
  const bands = phases.map((phase) => ({ name: phase, fill: phaseColour(names, phase) }));
  return legend([...rails, ...bands]);
}

// Short lines below the chart where tokens begin.
function tokenMarks(tokens, { x, left, right, bottom }) {
  const places = tokens.map((token) => x(token.start_ns)).filter((at) => at >= left && at <= right);
  const spaced = places.filter((at, no) => !no || Math.floor(at) !== Math.floor(places[no - 1]));
  const path = spaced.map((at) => `M${round(at)} ${bottom - 7}v7`).join("");
  return s("path", { d: path, class: "token-marks", "data-tokens": places.length });
}

// Cuts lines at the ends of a range that is shorter than the run.
let cuts = 0;
function cutTo({ left, right, bottom }, ...children) {
  cuts += 1;
  const id = `cut${cuts}`;
  const box = rect(left, 0, right - left, bottom + 1);
  return [
    s("defs", {}, s("clipPath", { id }, box)),
    s("g", { "clip-path": `url(#${id})` }, ...children),
  ];
}

// The whole run, or the range from `timeline.start_ns` to `timeline.end_ns`. `more` may hold
// tokens to mark, and states whether bands have figures.
charts.timeline = (run, width, _, more = {}) => {
  const { timeline } = run;
  const begin = timeline.start_ns || 0;
  const narrow = width < 620;
  const rails = timeline.rails;
  const names = run.heads;
  const [left, right, bottom] = [58, width - (narrow ? 12 : 96), narrow ? 210 : 290];
  const steps = rails.flatMap((rail) => rail.steps);
  const idle = rails.map((rail) => rail.idle_w || 0);
  const highest = Math.max(...steps.map((step) => step.max), ...idle, 1e-9);
  const lowest = Math.min(0, ...steps.map((step) => step.min));
  const x = linear(begin, timeline.end_ns, left, right);
  const y = linear(lowest, highest * (more.hasFigures ? 1.2 : 1.08), bottom, 22);
  const place = { x, y, left, right, highest, bottom, hasFigures: more.hasFigures };
  const cursor = line(left, 4, left, bottom, { class: "cursor", visibility: "hidden" });
  const catcher = rect(left, 4, right - left, bottom - 4, {
    fill: "transparent",
    class: "mark",
    tabindex: 0,
    role: "slider",
    "aria-label": "Power over time: arrow keys read the values",
    "aria-valuemin": begin / 1e9,
    "aria-valuemax": timeline.end_ns / 1e9,
    "aria-valuenow": begin / 1e9,
  });
  const times = ticks(begin / 1e9, timeline.end_ns / 1e9, narrow ? 4 : 9, "s");
  const lines = rails.map((rail, at) => railGroup(rail, at, place));
  const root = drawing(
    width,
    bottom + 24,
    "Power over time",
    bandMarks(timeline, names, place),
    axisY(ticks(lowest, highest * 1.08, 5, "W"), y, left, right),
    axisX(times, (time) => x(time * 1e9), bottom, bottom - 4),
    begin || more.isCut ? cutTo(place, lines) : lines,
    more.tokens ? tokenMarks(more.tokens, place) : null,
    narrow ? null : endLabels(rails, y, right, bottom),
    cursor,
    catcher,
  );
  readTimeline(run, catcher, cursor, x, [left, right]);
  return [root, timelineLegend(timeline, names)];
};

// A cursor moved by keys or the mouse, with a tooltip of all rails at its time.
function readTimeline(run, catcher, cursor, x, [left, right]) {
  const { rails, end_ns: end, start_ns: begin = 0 } = run.timeline;
  const longest = rails.reduce((best, rail) =>
    rail.steps.length > best.steps.length ? rail : best,
  ).steps;
  let at = 0;
  const read = (step, point) => {
    const time = (step.t0 + step.t1) / 2;
    const band = run.timeline.bands
      .filter((one) => one.start_ns <= time && time < (isKnown(one.end_ns) ? one.end_ns : end))
      .pop();
    const values = rails.map((rail) => {
      const here = rail.steps.find((one) => one.t0 <= time && time < one.t1);
      if (!here) return `${rail.rail}: ${UNKNOWN}`;
      return `${rail.rail}: ${watts(mean(here))}${here.max > here.min ? ` (${watts(here.min)} .. ${watts(here.max)})` : ""}`;
    });
    const lines = [`${seconds(step.t0)} to ${seconds(step.t1)}`, ...values, band ? band.phase : ""];
    cursor.setAttribute("visibility", "visible");
    cursor.setAttribute("x1", x(time));
    cursor.setAttribute("x2", x(time));
    catcher.setAttribute("aria-valuenow", time / 1e9);
    catcher.setAttribute("aria-valuetext", lines.filter(Boolean).join("; "));
    const box = catcher.getBoundingClientRect();
    showTip(
      catcher,
      lines,
      point || { x: box.left + ((x(time) - left) / (right - left)) * box.width, y: box.top + 30 },
    );
  };
  const leave = () => {
    cursor.setAttribute("visibility", "hidden");
    hideTip();
  };
  catcher.addEventListener("focus", () => read(longest[at]));
  catcher.addEventListener("blur", leave);
  catcher.addEventListener("pointerleave", leave);
  catcher.addEventListener("pointermove", (event) => {
    const box = catcher.getBoundingClientRect();
    const time = begin + ((event.clientX - box.left) / box.width) * (end - begin);
    const here = longest.findIndex((step) => step.t1 > time);
    at = here < 0 ? longest.length - 1 : here;
    read(longest[at], { x: event.clientX, y: event.clientY });
  });
  catcher.addEventListener("keydown", (event) => {
    const by = {
      ArrowRight: 1,
      ArrowUp: 1,
      ArrowLeft: -1,
      ArrowDown: -1,
      PageUp: 20,
      PageDown: -20,
      Home: -longest.length,
      End: longest.length,
    }[event.key];
    if (!by) return;
    event.preventDefault();
    at = Math.max(0, Math.min(longest.length - 1, at + by));
    read(longest[at]);
  });
}
