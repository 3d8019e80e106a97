// Layers by components. The shade is relative to the highest cell of a layer; cells outside of
// layers have a separate row.

// Shades come from the theme; text on them has the highest possible contrast.
const SHADES = 8;
const onShade = (level) =>
  level < 0 ? "small" : level < 4 ? "small faint" : level === 4 ? "small black" : "small strong";

charts.heatmap = (run, width) => {
  const { matrix } = run;
  const place = h("div", {});
  const select = h(
    "select",
    {},
    h("option", { value: "-1" }, "all phases"),
    matrix.phases.map((phase, at) => h("option", { value: at }, phase)),
  );
  const draw = () => {
    const phase = Number(select.value);
    const cells = phase < 0 ? matrix.all : matrix.cells.filter((cell) => cell.p === phase);
    place.replaceChildren(
      ...heatmapOf(matrix, cells, width, phase < 0 ? "" : matrix.phases[phase]),
    );
  };
  select.addEventListener("change", draw);
  draw();
  return [h("label", { class: "choose" }, "Phase ", select), place];
};

// Width of the names of rows.
const rowHeadWidth = (rows, width) =>
  Math.min(width < 620 ? 80 : 110, 16 + LETTER * Math.max(...rows.map((row) => row.length), 3));

// Position of rows and columns with these names; the row `rest` is set apart.
function gridOf(rows, columns, width, rest = -1) {
  const narrow = width < 620;
  const left = rowHeadWidth(rows, width);
  const height = rows.length > 80 ? 12 : narrow ? 18 : 20;
  const wide = (width - 4 - left) / columns.length;
  const heads = columns.map((name) => headLines(name, wide));
  const top = 16 + 14 * Math.max(...heads.map((lines) => lines.length));
  const y = (row) => top + row * height + (row === rest ? 6 : 0);
  return { left, height, rest, wide, heads, y };
}

// The name of a column in one or two lines.
function headLines(name, wide) {
  const room = Math.max(3, Math.floor((wide - 4) / (LETTER + 0.7)));
  const words = name.replace(/_/g, " ").split(" ");
  const half = words.join(" ").length <= room ? words.length : Math.ceil(words.length / 2);
  const lines = [words.slice(0, half), words.slice(half)].map((part) => part.join(" "));
  return lines.filter(Boolean).map((one) => shorten(one, room));
}

function cellLines(matrix, cell, layer, component, phase) {
  const where = `${layer}, ${component}${phase ? `, ${phase}` : ""}`;
  if (!cell) return [where, "nothing recorded"];
  return [
    where,
    joules(cell.j),
    cell.n > 1 ? `${cell.n} call paths summed: no interval` : interval(cell.lo, cell.hi),
    `${percent(cell.j / matrix.energy_j)} of the ledger`,
  ];
}

// One cell. Cells outside of layers have no shade, because they are not comparable with a
// layer.
function cellOf(matrix, cell, grid, { row, at, component, highest, phase }) {
  const { left, wide, height, rest, y } = grid;
  const layer = matrix.layers[row];
  const part = cell ? Math.floor((cell.j / highest) * (SHADES - 1e-3)) : 0;
  const level = cell && row !== rest ? Math.max(0, Math.min(SHADES - 1, part)) : -1;
  const x = left + at * wide;
  const look = { class: `cell ${level < 0 ? "rest" : `shade${level}`}` };
  const box = mark(
    rect(x + 0.5, y(row) + 0.5, wide - 1, height - 1, look),
    cellLines(matrix, cell, layer, component, phase),
    cell ? { j: cell.j, lo: cell.lo, hi: cell.hi, layer, component } : {},
  );
  const style = { "text-anchor": "middle", class: onShade(level), "aria-hidden": "true" };
  const isRead = cell && wide > 58 && height > 14;
  return [box, isRead ? text(x + wide / 2, y(row) + height / 2 + 4, joules(cell.j), style) : null];
}

function columnHeads({ heads, left, wide }) {
  const style = { "text-anchor": "middle", class: "name", "aria-hidden": "true" };
  return heads.map((lines, at) =>
    lines.map((one, row) => text(left + (at + 0.5) * wide, 18 + row * 14, one, style)),
  );
}

function rowHeads(names, { left, height, rest, y }) {
  const every = Math.ceil(14 / height);
  const style = { "text-anchor": "end", class: "small", "aria-hidden": "true" };
  const words = (name) => shorten(name, Math.floor(left / LETTER));
  return names.map((name, row) =>
    row % every && row !== rest
      ? null
      : text(left - 6, y(row) + height / 2 + 4, words(name), style),
  );
}

// The cell that an arrow key moves to, in rows of `by` cells.
function gridStep(by, at, key) {
  const [row, column] = [Math.floor(at / by), at % by];
  if (key === "ArrowRight") return column + 1 < by ? at + 1 : undefined;
  if (key === "ArrowLeft") return column ? at - 1 : undefined;
  return key === "ArrowDown" ? at + by : row ? at - by : undefined;
}

function ramp(highest, cells) {
  const swatch = (level) =>
    s(
      "svg",
      { width: 22, height: 12, "aria-hidden": "true" },
      rect(0, 0, 22, 12, { class: `swatch shade${level}` }),
    );
  const whole = joules(sum(cells.map((cell) => cell.j)));
  const swatches = [...Array(SHADES).keys()].map(swatch);
  return h(
    "div",
    { class: "ramp" },
    "0 J ",
    swatches,
    ` ${joules(highest)}; cells sum to ${whole}`,
  );
}

function heatmapOf(matrix, cells, width, phase) {
  const { layers, components } = matrix;
  const last = layers.length - 1;
  const held = [...components.keys()].filter((c) => cells.some((one) => one.c === c));
  const columns = held.length ? held : [0];
  const names = columns.map((c) => components[c]);
  const grid = gridOf(layers, names, width, last);
  const key = (row, component) => `${row} ${component}`;
  const byPlace = new Map(cells.map((cell) => [key(cell.l, cell.c), cell]));
  const ofLayers = cells.filter((cell) => cell.l !== last).map((cell) => cell.j);
  const highest = Math.max(...ofLayers, 1e-15);
  const drawn = layers.flatMap((_, row) =>
    columns.map((c, at) => {
      const place = { row, at, component: components[c], highest, phase };
      return cellOf(matrix, byPlace.get(key(row, c)), grid, place);
    }),
  );
  const root = drawing(
    width,
    grid.y(last) + grid.height + 6,
    "Energy of layers by component",
    columnHeads(grid),
    rowHeads(layers, grid),
    drawn,
  );
  const boxes = drawn.map(([box]) => box);
  marks(root, boxes, { go: (at, way) => gridStep(columns.length, at, way) });
  return [root, ramp(highest, cells)];
}
