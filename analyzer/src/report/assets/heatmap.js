// Layers by components. The shade is by the highest cell that is a layer's; rest has its own row.

// Shades are the theme's; words on them are as far from them as they can be.
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

function heatmapOf(matrix, cells, width, phase) {
  const [rows, columns] = [matrix.layers, matrix.components];
  const held = new Map(cells.map((cell) => [cell.l * 1000 + cell.c, cell]));
  const used = columns.map((_, at) => at).filter((c) => cells.some((cell) => cell.c === c));
  const shown = used.length ? used : [0];
  const narrow = width < 620;
  const left = Math.min(
    narrow ? 64 : 110,
    16 + LETTER * Math.max(...rows.map((row) => row.length)),
  );
  const right = width - 4;
  const height = rows.length > 80 ? 12 : narrow ? 18 : 20;
  const wide = (right - left) / shown.length;
  const top = 44;
  const last = rows.length - 1;
  const highest = Math.max(...cells.filter((cell) => cell.l !== last).map((cell) => cell.j), 1e-15);
  const list = [];
  const boxes = [];
  rows.forEach((row, l) =>
    shown.forEach((c, at) => {
      const cell = held.get(l * 1000 + c);
      const [x, y] = [left + at * wide, top + l * height + (l === last ? 6 : 0)];
      const level =
        cell && l !== last
          ? Math.max(0, Math.min(SHADES - 1, Math.floor((cell.j / highest) * (SHADES - 1e-3))))
          : -1;
      const box = rect(x + 0.5, y + 0.5, wide - 1, height - 1, {
        class: `cell ${level < 0 ? "rest" : `shade${level}`}`,
      });
      const lines = [
        `${row}, ${columns[c]}${phase ? `, ${phase}` : ""}`,
        cell ? joules(cell.j) : "nothing recorded",
      ];
      if (cell)
        lines.push(
          cell.n > 1 ? `${cell.n} nodes added up: no interval` : interval(cell.lo, cell.hi),
          `${percent(cell.j / matrix.energy_j)} of the ledger`,
        );
      list.push(
        mark(
          box,
          lines,
          cell ? { j: cell.j, lo: cell.lo, hi: cell.hi, layer: row, component: columns[c] } : {},
        ),
      );
      const words =
        cell && wide > 58 && height > 14
          ? text(x + wide / 2, y + height / 2 + 4, joules(cell.j), {
              "text-anchor": "middle",
              class: onShade(level),
              "aria-hidden": "true",
            })
          : null;
      boxes.push(box, words);
    }),
  );
  const every = Math.ceil(14 / height);
  const names = rows.map((row, l) =>
    l % every && l !== last
      ? null
      : text(
          left - 6,
          top + l * height + height / 2 + 4 + (l === last ? 6 : 0),
          shorten(row, Math.floor(left / LETTER)),
          { "text-anchor": "end", class: "small", "aria-hidden": "true" },
        ),
  );
  const heads = shown.map((c, at) => {
    const room = Math.max(3, Math.floor((wide - 4) / (LETTER + 0.7)));
    const words = columns[c].replace(/_/g, " ").split(" ");
    const both =
      words.join(" ").length <= room
        ? [words.join(" ")]
        : [
            words.slice(0, Math.ceil(words.length / 2)).join(" "),
            words.slice(Math.ceil(words.length / 2)).join(" "),
          ];
    return both
      .filter(Boolean)
      .map((part, row) =>
        text(left + (at + 0.5) * wide, 18 + row * 14, shorten(part, room), {
          "text-anchor": "middle",
          class: "name",
          "aria-hidden": "true",
        }),
      );
  });
  const root = drawing(
    width,
    top + rows.length * height + 12,
    "Energy of layers by component",
    heads,
    names,
    boxes,
  );
  const by = shown.length;
  marks(root, list, {
    go: (at, key) => {
      const [row, column] = [Math.floor(at / by), at % by];
      if (key === "ArrowRight") return column + 1 < by ? at + 1 : undefined;
      if (key === "ArrowLeft") return column ? at - 1 : undefined;
      return key === "ArrowDown" ? at + by : row ? at - by : undefined;
    },
  });
  const scale = h(
    "div",
    { class: "ramp" },
    `0 J `,
    [...Array(SHADES).keys()].map((level) =>
      s(
        "svg",
        { width: 22, height: 12, "aria-hidden": "true" },
        rect(0, 0, 22, 12, { class: `swatch shade${level}` }),
      ),
    ),
    ` ${joules(highest)}; cells sum to ${joules(sum(cells.map((cell) => cell.j)))}`,
  );
  return [root, scale];
}
