// Tables with the values of charts, for readers without them.

import {
  h,
  interval,
  isKnown,
  joules,
  pathOf,
  percent,
  seconds,
  UNKNOWN,
  watts,
} from "/assets/charts.js";

// Longest table; more rows would make the page slow.
const MOST = 2000;

// Builds a table. Columns are `[title, read, show]`; those with `show` hold numbers.
export function tableOf(caption, columns, rows) {
  if (!rows.length) return null;
  const cell = (row, [, read, show]) => {
    const value = read(row);
    if (!show) return h("td", {}, value ?? UNKNOWN);
    return h("td", { class: "n", "data-v": isKnown(value) ? value : null }, show(value));
  };
  const head = columns.map(([title, , show]) =>
    h("th", { scope: "col", class: show ? "n" : null }, title),
  );
  const body = rows.slice(0, MOST).map((row) =>
    h(
      "tr",
      {},
      columns.map((one) => cell(row, one)),
    ),
  );
  const cut = rows.length > MOST ? `; the first ${MOST} of ${rows.length} rows` : "";
  return h(
    "table",
    {},
    h("caption", {}, caption + cut),
    h("thead", {}, h("tr", {}, head)),
    h("tbody", {}, body),
  );
}

const shareOf = (part, whole) => (whole && isKnown(part) ? part / whole : null);
const count = (value) => (isKnown(value) ? String(value) : UNKNOWN);
const ends = (row) => interval(row.lo_j ?? row.lo, row.hi_j ?? row.hi);

const balanceRows = (run) =>
  run.accounts.flatMap((rail) =>
    rail.accounts.map((one) => ({ ...one, rail: rail.rail, whole: rail.measured_j })),
  );

// Tables of the charts that the report has, too.
export const TABLES = {
  balance: (run) =>
    tableOf(
      "Accounts of each rail",
      [
        ["rail", (row) => row.rail],
        ["account", (row) => row.name],
        ["energy", (row) => row.energy_j, joules],
        ["share", ({ energy_j: energy, whole }) => shareOf(energy, whole), percent],
      ],
      balanceRows(run),
    ),
  phases: (run) =>
    tableOf(
      "Energy of phases",
      [
        ["phase", (row) => row.phase],
        ["energy", (row) => row.energy_j, joules],
        ["interval", ends],
        ["idle", (row) => row.idle_j, joules],
        ["active", (row) => row.active_j, joules],
        ["time", (row) => row.duration_ns, seconds],
        ["average power", (row) => row.avg_w, watts],
        ["share", (row) => row.share, percent],
      ],
      run.phases,
    ),
  tokens: (run) =>
    tableOf(
      "Energy of tokens",
      [
        ["token", (row) => row.token],
        ["text", (row) => row.text || ""],
        ["phase", (row) => row.phase],
        ["tokens", (row) => row.n, count],
        ["time", (row) => row.ns, seconds],
        ["energy", (row) => row.j, joules],
        ["interval", ends],
      ],
      run.tokens.bars,
    ),
  cumulative: (run) => {
    let [energy, tokens] = [0, 0];
    const rows = run.tokens.bars.map((bar) => {
      energy += bar.j ?? NaN;
      tokens += bar.n;
      return { token: bar.token, energy, each: energy / tokens };
    });
    return tableOf(
      "Cumulative energy of tokens",
      [
        ["up to token", (row) => row.token],
        ["energy", (row) => row.energy, joules],
        ["energy per token", (row) => row.each, joules],
      ],
      rows,
    );
  },
  stack: (run) => tableOf("Components of each phase", MATRIX_COLUMNS(run), phaseRows(run.matrix)),
  matrix: (run) =>
    tableOf(
      "Energy of layers by component",
      [
        ["layer", (row) => run.matrix.layers[row.l]],
        ["component", (row) => run.matrix.components[row.c]],
        ["energy", (row) => row.j, joules],
        ["interval", (row) => (row.n > 1 ? `${row.n} call paths summed` : ends(row))],
      ],
      run.matrix.all,
    ),
  tree: ({ tree }) =>
    tableOf(
      "Energy of call paths",
      [
        ["call path", (row) => pathOf(tree, row).join(" > ")],
        ["self energy", (row) => tree.self_j[row], joules],
        ["interval", (row) => interval(tree.lo[row], tree.hi[row])],
        ["count", (row) => tree.counts[row], count],
      ],
      [...tree.parent.keys()].sort((a, b) => tree.self_j[b] - tree.self_j[a]),
    ),
  flows: ({ flows }) =>
    tableOf(
      "Energy from rails to operations",
      [
        ["from", (row) => flows.nodes[row.from].name],
        ["to", (row) => flows.nodes[row.to].name],
        ["energy", (row) => row.energy_j, joules],
        ["share", (row) => row.energy_j / flows.energy_j, percent],
      ],
      [...flows.links].sort((a, b) => b.energy_j - a.energy_j),
    ),
};

const MATRIX_COLUMNS = (run) => [
  ["phase", (row) => run.matrix.phases[row.p]],
  ["component", (row) => run.matrix.components[row.c]],
  ["energy", (row) => row.j, joules],
];

// Cells summed over layers.
function phaseRows({ cells }) {
  const sums = new Map();
  for (const { p, c, j } of cells) {
    const key = `${p} ${c}`;
    sums.set(key, { p, c, j: (sums.get(key)?.j || 0) + j });
  }
  return [...sums.values()].sort((a, b) => a.p - b.p || b.j - a.j);
}
