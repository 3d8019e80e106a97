// Tables with the values of the charts of cells, as they are drawn.

import { atLeast, WORDS } from "/assets/charts.js";
import { count, table } from "../../dom.js";

const tokensOf = (block) => block.tokens.map((_, at) => ({ token: block.number(at), at }));
const TOKEN = [WORDS.token, (row) => row.token, count];

// Cells of the heatmap: layers by components.
export function cellsTable({ block, cells, format }, caption) {
  const rows = block.layers.map((layer, row) => ({ layer, row }));
  const columns = block.components.map((name, c) => [
    name,
    ({ row }) => cells[row * block.perLayer + c],
    format,
  ]);
  return table(caption, [[WORDS.layer, (row) => row.layer], ...columns], rows);
}

// Cells of the map: tokens by layers.
export function mapTable({ block, values, format }) {
  const columns = block.layers.map((name, l) => [
    name,
    ({ at }) => values[at * block.layers.length + l],
    format,
  ]);
  return table("Tokens by layers", [TOKEN, ...columns], tokensOf(block));
}

// Stacks of tokens: tokens by components.
export function columnsTable({ block, order, stacks, wholes, format }) {
  const columns = order.map((c) => [block.components[c], ({ at }) => stacks[at][c], format]);
  const whole = [
    "sum",
    ({ at }) => wholes[at].whole,
    (_, { at }) => atLeast(wholes[at], format),
  ];
  return table("Tokens by component", [TOKEN, ...columns, whole], tokensOf(block));
}
