// Plots of experiments: points with whiskers, fits with bands, marked places; the Pareto front; a
// heatmap of two factors. The data are those of `energy analyse --format json`.

function rangeOfPlot(plot, pick) {
  const values = pick(plot).filter(isKnown);
  return values.length ? [Math.min(...values), Math.max(...values)] : null;
}
const pointsOf = (plot) => plot.series.flatMap((series) => series.points);
const curvePointsOf = (plot) => plot.curves.flatMap((curve) => curve.points);

// Draws a plot; returns elements.
function plotChart(plot, width) {
  const drawn = plot.grid ? factorGrid(plot, width) : plane(plot, width);
  return [h("p", { class: "note" }, plot.caption), ...drawn].filter(isPresent);
}

function plane(plot, width) {
  const xs = rangeOfPlot(plot, () => [
    ...[...pointsOf(plot), ...curvePointsOf(plot)].map(({ x }) => x),
    ...plot.markers.map(({ x }) => x),
  ]);
  const ys = rangeOfPlot(plot, () => [
    ...pointsOf(plot).flatMap(({ y, lo, hi }) => [y, lo, hi]),
    ...curvePointsOf(plot).map(({ y }) => y),
  ]);
  if (!xs || !ys) return [h("p", { class: "empty" }, "There is nothing to draw.")];
  const narrow = width < 620;
  const [left, right, top, bottom] = [72, width - 14, 26, narrow ? 226 : 300];
  const x = plotScale(plot.x, xs, [left, right], false);
  const y = plotScale(plot.y, ys, [bottom, top], true);
  const list = [];
  const drawn = plot.series.map((series, at) => pointSeries(plot, series, at, { x, y, list }));
  const across = Math.max(2, Math.min(9, Math.floor((right - left) / 80)));
  const places = pointsOf(plot).map((point) => point.x);
  const xTicks = spacedTicks(plotTicks(plot.x, x, across, places), x.place, [left - 24, right + 14]);
  const root = drawing(
    width,
    bottom + 44,
    plot.title,
    axisY(plotTicks(plot.y, y, 5), y.place, left, right),
    plot.x.scale === "names"
      ? plot.x.names.map((name, at) =>
          text(x.place(at), bottom + 16, shorten(name, Math.floor((right - left) / plot.x.names.length / 6.4)), {
            class: "small",
            "text-anchor": "middle",
            "aria-hidden": "true",
          }),
        )
      : axisX(xTicks, x.place, bottom, bottom - 4),
    line(left, bottom, right, bottom, { class: "grid" }),
    text(4, 12, plot.y.label, { class: "small" }),
    text((left + right) / 2, bottom + 36, plot.x.label, { class: "small", "text-anchor": "middle" }),
    plot.markers.map((marker) => markedPlace(marker, x, { top, bottom, right })),
    plot.curves.map((curve, at) => fitCurve(curve, at, { x, y })),
    drawn,
  );
  marks(root, list);
  return [root, plotLegend(plot)];
}

function pointSeries(plot, series, at, { x, y, list }) {
  const colour = seriesColour(at);
  // Groups with the same name on the x axis stand side by side.
  const shift = plot.x.scale === "names" ? (at - (plot.series.length - 1) / 2) * 12 : 0;
  const place = (point) => [x.within(point.x) + shift, y.within(point.y)];
  const path = series.points.map((point, no) => `${no ? "L" : "M"}${place(point).map(round).join(" ")}`);
  const joined =
    series.is_joined && path.length > 1
      ? s("path", { class: "trend", stroke: colour, d: path.join("") })
      : null;
  const shapes = series.points.map((point) => {
    const [px, py] = place(point);
    const shape = dot(px, py, at % SHAPES.length, colour);
    if (!point.is_selected) {
      shape.classList.add("hollow");
      shape.style.stroke = colour;
      shape.style.strokeWidth = "1.6px";
      shape.style.fillOpacity = "1";
    }
    list.push(
      mark(
        shape,
        [
          point.name,
          `${plot.y.label} ${plotText(plot.y, point.y)}`,
          isKnown(point.lo) || isKnown(point.hi)
            ? `interval ${bounds(point.lo, point.hi, (end) => plotText(plot.y, end))}`
            : "interval unknown",
          `${plot.x.label} ${plotText(plot.x, point.x)}`,
          series.name,
        ],
        { x: point.x, y: point.y, lo: point.lo, hi: point.hi },
      ),
    );
    const whisker = whiskerY(y.within, point.lo, point.hi, px, 4);
    return [whisker, shape];
  });
  return [joined, shapes];
}

function fitCurve(curve, at, { x, y }) {
  if (curve.points.length < 2) return null;
  const colour = seriesColour(at);
  const place = (px, py) => `${round(x.within(px))} ${round(y.within(py))}`;
  const hasBand = curve.points.every(({ lo, hi }) => isKnown(lo) && isKnown(hi));
  const upper = curve.points.map((point) => place(point.x, point.hi));
  const lower = [...curve.points].reverse().map((point) => place(point.x, point.lo));
  return [
    hasBand
      ? s("path", { class: "fitband", fill: colour, d: `M${[...upper, ...lower].join("L")}z` })
      : null,
    s("path", {
      class: "fitline",
      stroke: colour,
      d: `M${curve.points.map((point) => place(point.x, point.y)).join("L")}`,
    }),
  ];
}

function markedPlace(marker, x, { top, bottom, right }) {
  const at = x.within(marker.x);
  const [lo, hi] = [marker.lo, marker.hi].map((end) => (isKnown(end) ? x.within(end) : null));
  const isLeft = at + marker.name.length * 6.6 + 10 > right;
  return s(
    "g",
    { class: "markedplace" },
    isKnown(lo) && isKnown(hi) ? rect(lo, top, hi - lo, bottom - top, { class: "markedspan" }) : null,
    line(at, top, at, bottom, {}),
    text(at + (isLeft ? -5 : 5), top + 10, marker.name, {
      class: "small",
      "text-anchor": isLeft ? "end" : "start",
    }),
  );
}

function plotLegend(plot) {
  const named = plot.series
    .map((series, at) => ({ name: series.name, fill: seriesColour(at) }))
    .filter(({ name }) => name);
  return named.length > 1 ? legend(named) : null;
}

// A heatmap of two factors; dark cells need more.
function factorGrid(plot, width) {
  const { values, unit } = plot.grid;
  const known = values.flat().filter(isKnown);
  const [lo, hi] = [Math.min(...known), Math.max(...known)];
  const shadeOf = (value) => {
    const share = hi > lo ? (lo > 0 ? Math.log(value / lo) / Math.log(hi / lo) : (value - lo) / (hi - lo)) : 0.5;
    return Math.max(0, Math.min(7, Math.floor(share * 8)));
  };
  const longest = Math.max(4, ...plot.y.names.map((name) => name.length));
  const left = Math.min(width / 3, longest * 6.6 + 20);
  const cell = (width - left - 4) / plot.x.names.length;
  const [height, top] = [36, 22];
  const list = [];
  const cells = values.flatMap((row, down) =>
    row.map((value, right) => {
      const [cx, cy] = [left + right * cell, top + down * height];
      const words = isKnown(value) ? plotText({ unit }, value) : UNKNOWN;
      const box = rect(cx + 1, cy + 1, cell - 2, height - 2, {
        class: isKnown(value) ? `shade${shadeOf(value)}` : "missing",
      });
      list.push(
        mark(
          box,
          [
            `${plot.y.label} ${plot.y.names[down]}, ${plot.x.label} ${plot.x.names[right]}`,
            isKnown(value) ? words : "not measured",
          ],
          { j: value },
        ),
      );
      const style = isKnown(value) && shadeOf(value) > 3 ? "strong" : "faint";
      const fits = words.length * 6.6 < cell - 4;
      return [
        box,
        fits
          ? text(cx + cell / 2, cy + 22, words, {
              class: style,
              "text-anchor": "middle",
              "aria-hidden": "true",
              "pointer-events": "none",
            })
          : null,
      ];
    }),
  );
  const bottom = top + values.length * height;
  const root = drawing(
    width,
    bottom + 42,
    plot.title,
    text(4, 12, plot.y.label, { class: "small" }),
    plot.y.names.map((name, down) =>
      text(left - 8, top + down * height + 22, shorten(name, 24), {
        class: "small",
        "text-anchor": "end",
      }),
    ),
    cells,
    plot.x.names.map((name, right) =>
      name.length * 6.6 < cell
        ? text(left + (right + 0.5) * cell, bottom + 16, name, {
            class: "small",
            "text-anchor": "middle",
          })
        : null,
    ),
    text((left + width) / 2, bottom + 36, plot.x.label, { class: "small", "text-anchor": "middle" }),
  );
  const columns = plot.x.names.length;
  marks(root, list, {
    go: (at, key) =>
      at + ({ ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[key] || 0),
  });
  return [root];
}
