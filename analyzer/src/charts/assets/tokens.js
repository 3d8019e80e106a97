// Tokens in order: bars, their cumulative sum as a line, outliers as triangles.

// Merges neighbours if there are more tokens than pixels.
function groupsOf(bars, most) {
  const step = Math.ceil(bars.length / most);
  if (step < 2) return bars;
  const groups = [];
  for (let at = 0; at < bars.length; at += step) {
    const some = bars.slice(at, at + step);
    const known = some.every((bar) => isKnown(bar.j));
    const each = some.flatMap((bar) => (bar.n > 1 ? [bar.min, bar.max] : [bar.j])).filter(isKnown);
    groups.push({
      ...some[0],
      n: sum(some.map((bar) => bar.n)),
      j: known ? sum(some.map((bar) => bar.j)) : null,
      lo: null,
      hi: null,
      text: null,
      min: known ? Math.min(...each) : null,
      max: known ? Math.max(...each) : null,
      high: sum(some.map((bar) => bar.high || 0)),
      low: sum(some.map((bar) => bar.low || 0)),
      ns: some.every((bar) => isKnown(bar.ns)) ? sum(some.map((bar) => bar.ns)) : null,
    });
  }
  return groups;
}

const ofEach = (bar) => (isKnown(bar.j) ? bar.j / bar.n : null);
const ends = (bar) => (bar.n > 1 ? [bar.min, bar.max] : [bar.lo, bar.hi]);

function tokenLines(bar, cumulative) {
  const [lo, hi] = ends(bar);
  if (bar.n > 1) {
    const out = bar.high || bar.low;
    return [
      `${bar.n} tokens from ${bar.token ?? UNKNOWN}`,
      `${joules(ofEach(bar))} per token, ${joules(bar.j)} in total`,
      `from ${joules(lo)} to ${joules(hi)}`,
      seconds(bar.ns),
      bar.phase || "",
      bar.note ? `token ${bar.token}: ${bar.note}` : "",
      out ? `${bar.high || 0} high outliers, ${bar.low || 0} low ones` : "",
      cumulative,
    ];
  }
  return [
    `token ${bar.token ?? UNKNOWN}${bar.text ? ` “${bar.text}”` : ""}`,
    joules(bar.j),
    interval(lo, hi),
    seconds(bar.ns),
    bar.phase || "",
    bar.note || "",
    bar.high ? "high outlier" : bar.low ? "low outlier" : "",
    cumulative,
  ];
}

// A token's bar: solid, or a dashed outline if its energy is unknown.
function tokenBar(bar, names, { x, wide, y, bottom }) {
  const energy = ofEach(bar);
  if (!isKnown(energy)) {
    return rect(x, bottom - 4, Math.max(0.7, wide), 4, { class: "missing" });
  }
  const one = bar.n === 1;
  const hue = one && bar.high ? HUES.red : one && bar.low ? HUES.olive : null;
  const gap = wide > 4 ? 1 : 0.2;
  return rect(
    x + (wide > 4 ? 0.5 : 0),
    y(Math.max(energy, 0)),
    Math.max(0.7, wide - gap),
    Math.max(0.6, Math.abs(y(energy) - y(0))),
    { fill: hue || phaseColour(names, bar.phase || "(none)"), class: "bar" },
  );
}

// Signs on a bar: its interval or range, and a triangle for an outlier.
function tokenSigns(bar, { x, wide, y }) {
  const [lo, hi] = ends(bar);
  const middle = x + wide / 2;
  const energy = y(ofEach(bar) || 0);
  const peak = isKnown(hi) ? Math.min(y(hi), energy) : energy;
  const isThin = wide <= 3 && bar.n > 1 && isKnown(lo) && isKnown(hi);
  const whisker = isThin
    ? line(middle, y(lo), middle, y(hi), { class: "whisker thin" })
    : wide > 3
      ? whiskerY(y, lo, hi, middle, Math.min(3, wide / 3))
      : null;
  const down = `M${round(middle - 4)} ${round(Math.max(2, peak - 9))}h8l-4 7z`;
  const up = `M${round(middle - 4)} ${round(peak - 2)}h8l-4 -7z`;
  const out = bar.high ? down : bar.low ? up : null;
  return [whisker, out];
}

// All bars, and the line of the cumulative sum up to the first unknown energy.
function tokenBars(series, bars, names, place) {
  const { left, wide, y, sumScale } = place;
  const list = [];
  let [total, path, whole] = [0, "", true];
  const shapes = bars.map((bar, at) => {
    const x = left + at * wide;
    whole = whole && isKnown(bar.j);
    total += bar.j || 0;
    if (whole) path += `${at ? "L" : "M"}${round(x + wide / 2)} ${round(sumScale(total))}`;
    const box = tokenBar(bar, names, { ...place, x });
    const [lo, hi] = ends(bar);
    const out = bar.high ? "high" : bar.low ? "low" : null;
    const lines = tokenLines(bar, whole ? `cumulative ${joules(total)}` : "");
    list.push(mark(box, lines, { j: bar.j, n: bar.n, lo, hi, out }));
    const [whisker, triangle] = tokenSigns(bar, { x, wide, y });
    const isShown = triangle && series.outliers < 60;
    return [box, whisker, isShown ? s("path", { d: triangle, class: "outlier" }) : null];
  });
  return { shapes, list, path: whole ? s("path", { d: path, class: "sum" }) : null };
}

function tokenLegend(series, bars, names, whole) {
  const phases = [...new Set(bars.map((bar) => bar.phase).filter(Boolean))].slice(0, 6);
  return legend([
    ...phases.map((phase) => ({ name: `tokens of ${phase}`, fill: phaseColour(names, phase) })),
    { name: whole ? "cumulative (right)" : "cumulative unknown", fill: "currentColor", dash: "" },
    { name: `median ${joules(series.median_j)}`, fill: "currentColor", dash: "3 3" },
  ]);
}

charts.tokens = (run, width) => {
  const series = run.tokens;
  const narrow = width < 620;
  const [left, right, bottom, top] = [58, width - (narrow ? 48 : 64), narrow ? 210 : 270, 18];
  const bars = groupsOf(series.bars, Math.floor((right - left) / 2));
  const highest = Math.max(
    ...bars.flatMap((bar) => [ofEach(bar), ...ends(bar)].filter(isKnown)),
    1e-15,
  );
  const lowest = Math.min(0, ...bars.map((bar) => ofEach(bar) || 0));
  const y = linear(lowest, highest * 1.06, bottom, top);
  const all = sum(series.bars.map((bar) => bar.j));
  const sumScale = linear(0, all || 1, bottom, top);
  const names = run.heads;
  const place = { left, wide: (right - left) / bars.length, y, bottom, sumScale };
  const { shapes, list, path } = tokenBars(series, bars, names, place);
  const across = linear(0, series.tokens, left, right);
  const below = ticks(0, series.tokens, narrow ? 4 : 8, null);
  const sumTicks = path ? ticks(0, all, 4, "J") : [];
  const root = drawing(
    width,
    bottom + 24,
    "Energy of tokens",
    axisY(ticks(lowest, highest * 1.06, 5, "J"), y, left, right),
    axisX(
      below.filter((one) => Number.isInteger(one.value)),
      across,
      bottom,
      bottom - 4,
    ),
    sumTicks.map((one) => text(right + 6, sumScale(one.value) + 4, one.text, { class: "small" })),
    shapes,
    isKnown(series.median_j)
      ? line(left, y(series.median_j), right, y(series.median_j), { class: "idle ink" })
      : null,
    path,
  );
  marks(root, list);
  const rows = series.per_bar > 1 ? `${series.per_bar} a row` : "one per row";
  const note = `Drawn in this width: ${bars[0].n} tokens a bar; the table has ${rows}.`;
  return [
    root,
    tokenLegend(series, bars, names, path),
    bars.length < series.bars.length ? h("p", { class: "note" }, note) : null,
  ];
};
