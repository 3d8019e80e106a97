// Rails of a run as a table: what the power chart shows, in numbers.

import { atLeast, isKnown, provenanceWords, seconds, watts, WORDS } from "/assets/charts.js";
import { scrolling, table } from "../../dom.js";

const energyOf = ({ samples, shown_j, shown_unknown: unknown }, isFilled) =>
  atLeast({ least: samples.length ? shown_j : null, unknown: unknown || !isFilled }) +
  (unknown ? `, ${unknown} samples unknown` : "");

const columns = ({ isFilled }) => [
  [WORDS.rail, (rail) => rail.rail, null, "rail"],
  ["source", (rail) => rail.source],
  [WORDS.power, (rail) => rail.shown_w, watts, "power_w"],
  [WORDS.idle, (rail) => rail.idle_w, watts],
  [WORDS.peak, (rail) => rail.peak_w, watts],
  [
    WORDS.energy,
    (rail) => (rail.shown_unknown || !isFilled || !rail.samples.length ? null : rail.shown_j),
    (_, rail) => energyOf(rail, isFilled),
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
const missingOf = (run) => (run.isFilled ? "" : `; without ${pausesOf(run)}`);

// Times in which no message came, in words.
export const pausesOf = ({ pauses }) =>
  pauses
    .map(({ from_ns: from, to_ns: to }) => `${seconds(from)} to ${isKnown(to) ? seconds(to) : "now"}`)
    .join(" and ");

export function railTable(run) {
  const rails = [...run.rails.values()];
  if (rails.some((rail) => rail.shown_j === undefined)) run.keepShown();
  return scrolling("Rails", table(captionOf(run) + missingOf(run), columns(run), rails));
}
