// Rails of a run as a table: what the power chart shows, in numbers.

import { joules, watts } from "/assets/charts.js";
import { scrolling, table } from "../../dom.js";
import { provenanceWords } from "../words.js";

export const sourceOf = (rail) => provenanceWords(rail.provenance, "source unknown");

const COLUMNS = [
  { title: "Rail", name: "rail" },
  { title: "Source" },
  { title: "Power", numeric: true, name: "power_w" },
  { title: "Idle power", numeric: true },
  { title: "Peak", numeric: true },
  { title: "Energy", numeric: true, name: "energy_j" },
  { title: "In totals" },
  { title: "Power is" },
];

function cells(rail) {
  const isKnown = rail.samples.length > 0;
  return [
    rail.rail,
    rail.source,
    { text: watts(rail.shown_w), value: rail.shown_w },
    watts(rail.idle_w),
    watts(rail.peak_w),
    { text: joules(isKnown ? rail.energy_j : null), value: rail.energy_j },
    rail.is_root ? "yes" : "no: part of another rail",
    sourceOf(rail),
  ];
}

// What the columns power and energy are.
const captionOf = (run) =>
  run.isRunning
    ? "Power now; energy of the samples so far"
    : "Power at the last sample; energy of all samples, of which some can be before or after the run";

export const railTable = (run) =>
  scrolling("Rails", table(captionOf(run), COLUMNS, [...run.rails.values()].map(cells)));
