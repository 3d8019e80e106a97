// Rails of a run as a table: what the power chart shows, in numbers.

import { atLeast, provenanceWords, watts, WORDS } from "/assets/charts.js";
import { scrolling, table } from "../../dom.js";

const energyOf = ({ samples, energy_j: least, unknown }) =>
  atLeast({ least: samples.length ? least : null, unknown }) +
  (unknown ? `, ${unknown} samples unknown` : "");

const COLUMNS = [
  [WORDS.rail, (rail) => rail.rail, null, "rail"],
  ["source", (rail) => rail.source],
  [WORDS.power, (rail) => rail.shown_w, watts, "power_w"],
  [WORDS.idle, (rail) => rail.idle_w, watts],
  [WORDS.peak, (rail) => rail.peak_w, watts],
  [
    WORDS.energy,
    (rail) => (rail.unknown ? null : rail.energy_j),
    (_, rail) => energyOf(rail),
    "energy_j",
  ],
  ["in totals", (rail) => (rail.is_root ? "yes" : "no: part of another rail")],
  [WORDS.provenance, (rail) => provenanceWords(rail.provenance)],
];

// What the columns power and energy are.
const captionOf = (run) =>
  run.isRunning
    ? "Power now; energy of the samples so far"
    : "Power at the last sample; energy of all samples, of which some can be before or after the run";

export const railTable = (run) =>
  scrolling("Rails", table(captionOf(run), COLUMNS, [...run.rails.values()]));
