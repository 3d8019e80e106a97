// Rails of a run as a table: what the power chart shows, in numbers.

import { joules, watts } from "/assets/charts.js";
import { element, table } from "../../dom.js";

export const words = (provenance) =>
  provenance === "modelled" ? "modelled, not measured" : provenance || "source unknown";

const COLUMNS = [
  { title: "Rail", name: "rail" },
  { title: "Source" },
  { title: "Power now", numeric: true, name: "power_w" },
  { title: "Idle power", numeric: true },
  { title: "Peak", numeric: true },
  { title: "Energy", numeric: true, name: "energy_j" },
  { title: "In totals" },
  { title: "Power is" },
];

function cells(rail) {
  const last = rail.samples[rail.samples.length - 1];
  return [
    rail.rail,
    rail.source,
    { text: watts(last && last.power_w), value: last && last.power_w },
    watts(rail.idle_w),
    watts(rail.peak_w),
    { text: joules(last ? rail.energy_j : null), value: rail.energy_j },
    rail.is_root ? "yes" : "no: part of another rail",
    words(rail.provenance),
  ];
}

export const railTable = (run) =>
  element(
    "div",
    { class: "wide", tabindex: 0, role: "region", "aria-label": "Rails" },
    table(null, COLUMNS, [...run.rails.values()].map(cells)),
  );
