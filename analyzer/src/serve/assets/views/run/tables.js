// Tables with the values of charts, for readers without them.

import {
  bounds,
  joules,
  pathOf,
  percent,
  provenanceWords,
  seconds,
  shareOf,
  watts,
  WORDS,
} from "/assets/charts.js";
import { count, table } from "../../dom.js";

const intervalOf = (row) => bounds(row.lo_j ?? row.lo, row.hi_j ?? row.hi);
const ENERGY = [WORDS.energy, (row) => row.energy_j ?? row.j, joules];
const INTERVAL = [WORDS.interval, intervalOf];
const PHASE = [WORDS.phase, (row) => row.phase];

const balanceRows = (run) =>
  run.accounts.flatMap((rail) =>
    rail.accounts.map((one) => ({ ...one, rail, share: shareOf(one.energy_j, rail.measured_j) })),
  );

// Sums up to each token; unknown from the first token of unknown energy.
function sumRows({ bars }) {
  let [energy, tokens] = [0, 0];
  return bars.map((bar) => {
    energy += bar.j ?? NaN;
    tokens += bar.n;
    return { tokens, energy_j: energy, each: energy / tokens };
  });
}

// Cells summed over layers.
function phaseRows({ phases, components, cells }) {
  const sums = new Map();
  for (const { p, c, j } of cells) {
    const key = `${p} ${c}`;
    const before = sums.get(key)?.j || 0;
    sums.set(key, { p, phase: phases[p], component: components[c], j: before + j });
  }
  return [...sums.values()].sort((a, b) => a.p - b.p || b.j - a.j);
}

// Tables of the charts that the report has, too.
export const TABLES = {
  balance: (run) =>
    table(
      "Accounts of each rail",
      [
        [WORDS.rail, (row) => row.rail.rail],
        ["account", (row) => row.name],
        ENERGY,
        [WORDS.share, (row) => row.share, percent],
        [WORDS.provenance, (row) => provenanceWords(row.rail.provenance)],
      ],
      balanceRows(run),
    ),
  phases: (run) =>
    table(
      "Energy of phases",
      [
        PHASE,
        ENERGY,
        INTERVAL,
        ["idle energy", (row) => row.idle_j, joules],
        [WORDS.active, (row) => row.active_j, joules],
        [WORDS.time, (row) => row.duration_ns, seconds],
        [WORDS.average, (row) => row.avg_w, watts],
        [WORDS.share, (row) => row.share, percent],
      ],
      run.phases,
    ),
  tokens: (run) =>
    table(
      "Energy of tokens",
      [
        [WORDS.token, (row) => row.token, count],
        [WORDS.text, (row) => row.text || ""],
        PHASE,
        [WORDS.tokens, (row) => row.n, count],
        [WORDS.time, (row) => row.ns, seconds],
        ENERGY,
        INTERVAL,
      ],
      run.tokens.bars,
    ),
  cumulative: (run) =>
    table(
      "Cumulative energy of tokens",
      [
        ["tokens so far", (row) => row.tokens, count],
        ENERGY,
        [WORDS.perToken, (row) => row.each, joules],
      ],
      sumRows(run.tokens),
    ),
  stack: (run) =>
    table(
      "Components of each phase",
      [PHASE, [WORDS.component, (row) => row.component], ENERGY],
      phaseRows(run.matrix),
    ),
  matrix: ({ matrix }) =>
    table(
      "Energy of layers by component",
      [
        [WORDS.layer, (row) => matrix.layers[row.l]],
        [WORDS.component, (row) => matrix.components[row.c]],
        ENERGY,
        [
          WORDS.interval,
          (row) => (row.n > 1 ? `${row.n} call paths summed` : intervalOf(row)),
        ],
      ],
      matrix.all,
    ),
  tree: ({ tree }) =>
    table(
      "Energy of call paths",
      [
        ["call path", (row) => pathOf(tree, row).join(" > ")],
        ["self energy", (row) => tree.self_j[row], joules],
        [WORDS.interval, (row) => bounds(tree.lo[row], tree.hi[row])],
        [WORDS.count, (row) => tree.counts[row] || null, count],
      ],
      [...tree.parent.keys()].sort((a, b) => tree.self_j[b] - tree.self_j[a]),
    ),
  flows: ({ flows }) =>
    table(
      "Energy from rails to operations",
      [
        ["from", (row) => flows.nodes[row.from].name],
        ["to", (row) => flows.nodes[row.to].name],
        ENERGY,
        [WORDS.share, (row) => shareOf(row.energy_j, flows.energy_j), percent],
      ],
      [...flows.links].sort((a, b) => b.energy_j - a.energy_j),
    ),
};
