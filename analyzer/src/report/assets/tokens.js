// Tokens one after another: bars, their sum as a line, those that stand out as triangles.

// Bars of a pixel and more: where there are more tokens than pixels, neighbours are one bar.
function groupsOf(bars, most) {
  const each = Math.ceil(bars.length / most);
  if (each < 2) return bars.map((bar) => ({ ...bar, last: bar.token }));
  const groups = [];
  for (let at = 0; at < bars.length; at += each) {
    const some = bars.slice(at, at + each);
    const known = some.every((bar) => isKnown(bar.j));
    const ends = (of) =>
      some
        .flatMap((bar) => [bar.min, bar.max, bar.n === 1 ? bar.j : null])
        .filter(isKnown)
        .reduce((a, b) => of(a, b));
    groups.push({
      ...some[0],
      n: sum(some.map((bar) => bar.n)),
      j: known ? sum(some.map((bar) => bar.j)) : null,
      lo: null,
      hi: null,
      text: null,
      min: known ? ends(Math.min) : null,
      max: known ? ends(Math.max) : null,
      high: sum(some.map((bar) => bar.high || 0)),
      low: sum(some.map((bar) => bar.low || 0)),
      ns: some.every((bar) => isKnown(bar.ns)) ? sum(some.map((bar) => bar.ns)) : null,
    });
  }
  return groups;
}

charts.tokens = (run, width) => {
  const series = run.tokens;
  const narrow = width < 620;
  const [left, right, bottom, top] = [58, width - (narrow ? 48 : 64), narrow ? 210 : 270, 18];
  const bars = groupsOf(series.bars, Math.floor((right - left) / 2));
  const each = (bar) => (isKnown(bar.j) ? bar.j / bar.n : null);
  const spread = (bar) => (bar.n > 1 ? [bar.min, bar.max] : [bar.lo, bar.hi]);
  const highest = Math.max(
    ...bars.flatMap((bar) => [each(bar) || 0, ...spread(bar).map((end) => end || 0)]),
    1e-15,
  );
  const lowest = Math.min(0, ...bars.map((bar) => each(bar) || 0));
  const y = linear(lowest, highest * 1.06, bottom, top);
  const wide = (right - left) / bars.length;
  const names = run.phases.map((phase) => phase.phase);
  const list = [];
  let total = 0;
  let path = "";
  const all = sum(series.bars.map((bar) => bar.j));
  const line2 = linear(0, all || 1, bottom, top);
  let whole = true;
  const drawn = bars.map((bar, at) => {
    const x = left + at * wide;
    const energy = each(bar);
    whole = whole && isKnown(energy);
    total += bar.j || 0;
    if (whole) path += `${at ? "L" : "M"}${round(x + wide / 2)} ${round(line2(total))}`;
    const [lo, hi] = spread(bar);
    const name =
      bar.n > 1
        ? `${bar.n} tokens from ${bar.token ?? UNKNOWN}`
        : `token ${bar.token ?? UNKNOWN}${bar.text ? ` “${bar.text}”` : ""}`;
    const lines = [
      name,
      bar.n > 1 ? `${joules(energy)} each, ${joules(bar.j)} in all` : joules(energy),
      bar.n > 1 ? `from ${joules(lo)} to ${joules(hi)}` : interval(lo, hi),
      seconds(bar.ns),
      bar.phase || "",
      bar.n > 1
        ? bar.high || bar.low
          ? `${bar.high || 0} stand out by more, ${bar.low || 0} by less`
          : ""
        : bar.high
          ? "stands out by more"
          : bar.low
            ? "stands out by less"
            : "",
      whole ? `up to here ${joules(total)}` : "",
    ];
    const fillWith =
      bar.high && bar.n === 1
        ? HUES.red
        : bar.low && bar.n === 1
          ? HUES.olive
          : phaseColour(names, bar.phase || "(none)");
    const box = isKnown(energy)
      ? rect(
          x + (wide > 4 ? 0.5 : 0),
          y(Math.max(energy, 0)),
          Math.max(0.7, wide - (wide > 4 ? 1 : 0.2)),
          Math.max(0.6, Math.abs(y(energy) - y(0))),
          { fill: fillWith, class: "bar" },
        )
      : rect(x, bottom - 4, Math.max(0.7, wide), 4, { class: "missing" });
    list.push(
      mark(box, lines, {
        j: bar.j,
        n: bar.n,
        lo,
        hi,
        out: bar.high ? "high" : bar.low ? "low" : null,
      }),
    );
    const peak = isKnown(hi) ? Math.min(y(hi), y(energy || 0)) : y(energy || 0);
    const out = bar.high
      ? `M${round(x + wide / 2 - 4)} ${round(Math.max(2, peak - 9))}h8l-4 7z`
      : bar.low
        ? `M${round(x + wide / 2 - 4)} ${round(peak - 2)}h8l-4 -7z`
        : null;
    return [
      box,
      wide > 3
        ? whiskerY(y, lo, hi, x + wide / 2, Math.min(3, wide / 3))
        : bar.n > 1 && isKnown(lo) && isKnown(hi)
          ? line(x + wide / 2, y(lo), x + wide / 2, y(hi), { class: "whisker thin" })
          : null,
      out && series.outliers < 60 ? s("path", { d: out, class: "outlier" }) : null,
    ];
  });
  const median = isKnown(series.median_j)
    ? [
        line(left, y(series.median_j), right, y(series.median_j), {
          class: "idle",
          stroke: "currentColor",
        }),
      ]
    : [];
  const count = series.tokens;
  const axis = ticks(0, count, narrow ? 4 : 8, null)
    .filter((one) => Number.isInteger(one.value))
    .map((one) => ({ value: left + (one.value / count) * (right - left), text: one.text }));
  const rightAxis = s(
    "g",
    { class: "axis", "aria-hidden": "true" },
    whole
      ? ticks(0, all, 4, "J").map((one) => text(right + 6, line2(one.value) + 4, one.text))
      : [],
  );
  const root = drawing(
    width,
    bottom + 24,
    "Energy of tokens",
    axisY(ticks(lowest, highest * 1.06, 5, "J"), y, left, right),
    axisX(axis, (value) => value, bottom, bottom - 4),
    rightAxis,
    drawn,
    median,
    whole ? s("path", { d: path, class: "sum" }) : null,
  );
  marks(root, list);
  const phases = [...new Set(bars.map((bar) => bar.phase).filter(Boolean))].slice(0, 6);
  return [
    root,
    legend([
      ...phases.map((phase) => ({ name: `tokens of ${phase}`, fill: phaseColour(names, phase) })),
      { name: whole ? "sum up to here (right)" : "sum not known", fill: "currentColor", dash: "" },
      { name: `median ${joules(series.median_j)}`, fill: "currentColor", dash: "3 3" },
    ]),
    bars.length < series.bars.length
      ? h(
          "p",
          { class: "note" },
          `Drawn in this width: ${bars[0].n} tokens a bar; the table has ${series.per_bar > 1 ? `${series.per_bar} a row` : "each"}.`,
        )
      : null,
  ];
};
