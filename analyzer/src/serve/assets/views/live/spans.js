// Spans of any program: phases and sections as they end, and operations summed.

import { isKnown, joules, percent, seconds, sum, watts } from "/assets/charts.js";
import { scrolling, table } from "../../dom.js";
import { bounds, milliseconds } from "../words.js";

// Rows of each table.
const SECTIONS = 40;
const OPERATIONS = 25;

// Phases and sections: open ones first, then the newest.
export function sectionTable(run) {
  const isShown = (one) => one.role !== "token";
  const open = [...run.open.values()].filter(isShown);
  const ended = [...run.sections.values()].reverse();
  const rows = [...open, ...ended].slice(0, SECTIONS).map((one) => {
    const isOpen = !isKnown(one.end_ns);
    return [
      one.name,
      one.role || "span",
      one.phase || "",
      { text: seconds(one.start_ns), value: one.start_ns },
      isOpen
        ? "open"
        : { text: seconds(one.end_ns - one.start_ns), value: one.end_ns - one.start_ns },
      { text: joules(one.energy_j), value: one.energy_j },
      isKnown(one.lo_j) || isKnown(one.hi_j) ? bounds(one.lo_j, one.hi_j) : "",
      isKnown(one.avg_power_mw) ? watts(one.avg_power_mw / 1e3) : "",
    ];
  });
  return scrolling(
    "Phases and sections",
    table(
      `${open.length} open, ${run.sections.size} ended`,
      [
        { title: "Name", name: "name" },
        { title: "Role" },
        { title: "Phase" },
        { title: "Start", numeric: true },
        { title: "Time", numeric: true },
        { title: "Energy", numeric: true, name: "energy_j" },
        { title: "90 % interval", numeric: true },
        { title: "Average", numeric: true },
      ],
      rows,
    ),
    "wide tall",
  );
}

// Operations with the highest energy so far.
export function operationTable(run) {
  const all = [...run.operations.values()].sort((a, b) => (b.energy_j || 0) - (a.energy_j || 0));
  const whole = sum(all.map((one) => one.energy_j));
  return scrolling(
    "Operations",
    table(
      `${Math.min(OPERATIONS, all.length)} of ${all.length} operations, most energy first`,
      [
        { title: "Operation" },
        { title: "Component" },
        { title: "Phase" },
        { title: "Energy", numeric: true, name: "energy_j" },
        { title: "Share", numeric: true },
        { title: "Time", numeric: true },
        { title: "Count", numeric: true },
      ],
      all
        .slice(0, OPERATIONS)
        .map((one) => [
          one.operation,
          one.component || "",
          one.phase || "",
          { text: joules(one.energy_j), value: one.energy_j },
          percent(whole > 0 && isKnown(one.energy_j) ? one.energy_j / whole : null),
          { text: milliseconds(one.duration_ms), value: one.duration_ms },
          { text: String(one.count), value: one.count },
        ]),
    ),
    "wide tall",
  );
}
