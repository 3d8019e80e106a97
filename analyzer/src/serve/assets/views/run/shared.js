// Sections whose charts the report has, too: their words, and when they can be drawn.

import { isKnown } from "/assets/charts.js";

export const LEDGER = "Ledger energies: active energy of spans plus their share of idle energy.";
const INTERVAL =
  "Interval energies: total energy of the root rails in that time, including idle energy.";
const NO_SPANS = "Its spans have no energy.";

const someKnown = (rows, key) => Array.isArray(rows) && rows.some((row) => isKnown(row[key]));

export const SHARED = [
  {
    id: "phases",
    how: "Total energy of the rails while each phase ran: idle energy hatched, the whisker its 90 % interval (modelled energy has none).",
    basis: INTERVAL,
    values: "phases",
    isDrawn: (run) => someKnown(run.phases, "energy_j"),
    otherwise: "The energy of phases is unknown, or no span has the role phase.",
  },
  {
    id: "tokens",
    how:
      "Each bar is the total energy of the rails while a token was generated, its whisker the " +
      "90 % interval (modelled energy has none). Triangles mark outliers.",
    basis: INTERVAL,
    values: "tokens",
    isDrawn: (run) => someKnown(run.tokens?.bars, "j"),
    otherwise: "No span with the role token has an energy.",
  },
  {
    id: "cumulative",
    how: "The solid line is the energy up to each token; the dashed line is that energy per token.",
    basis: INTERVAL,
    values: "cumulative",
    isDrawn: (run) => isKnown(run.tokens?.bars?.[0]?.j),
    otherwise: "The energy of the first token is unknown, or there is no token.",
  },
  {
    id: "stack",
    how: "Each bar is one phase, divided into its components.",
    basis: LEDGER,
    values: "stack",
    isDrawn: (run) => Boolean(run.matrix && run.tree),
    otherwise: "No span has the role layer or component.",
  },
  {
    id: "treemap",
    how:
      "Areas are proportional to energy; areas inside a frame are its children. Click, or press " +
      "Enter, to zoom in; Escape, or the path above the chart, zooms out.",
    basis: LEDGER,
    values: "tree",
    isDrawn: (run) => Boolean(run.tree),
    otherwise: NO_SPANS,
  },
  {
    id: "sankey",
    how: "Heights are energy; energy into a node flows out of it, or ends there.",
    basis: LEDGER,
    values: "flows",
    isDrawn: (run) => Boolean(run.flows),
    otherwise: NO_SPANS,
  },
  {
    id: "flame",
    how:
      "Widths are inclusive energy. Click, or press Enter, to zoom in, Escape to zoom out, and " +
      "type a name to find it.",
    basis: LEDGER,
    values: "tree",
    isDrawn: (run) => Boolean(run.tree),
    otherwise: NO_SPANS,
  },
  {
    id: "balance",
    how:
      "Each bar is the total energy of one rail over the whole recording, divided into its " +
      "accounts; accounts left of zero are negative.",
    basis: "Energies of whole rails.",
    values: "balance",
    isDrawn: (run) => someKnown(run.accounts, "measured_j"),
    otherwise: "No rail was read.",
  },
];

// Why a chart has no data: no power, no attribution, or the chart's own reason.
export function reasonOf(run, otherwise) {
  if (!run.accounts.length) {
    return "No sensor measured energy during this run: list available sensors with `energy doctor`.";
  }
  if (!run.accounts.some((rail) => rail.accounts.some((one) => isKnown(one.energy_j)))) {
    return "The run is not attributed: run `energy attribute`.";
  }
  return otherwise;
}
