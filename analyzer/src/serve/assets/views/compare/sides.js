// Names and lines of the runs that are drawn over each other. A run has `side`, `no` in its side,
// `label`, `title`, `id`, `isModelled` and `charts`.

import { DASHES, HUES, legend, SIDES } from "/assets/charts.js";

export const colourOf = (side) => HUES[SIDES[side]];
const nameOf = (one) =>
  `${one.label}: ${one.title}${one.isModelled ? " (modelled, not measured)" : ""}`;
export const dashOf = (one) => DASHES[one.no % DASHES.length];
export const legendOf = (runs) =>
  legend(runs.map((one) => ({ name: nameOf(one), fill: colourOf(one.side), dash: dashOf(one) })));
