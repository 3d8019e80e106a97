// Spans of any program: phases and sections as they end, and operations summed.

import {
  atLeast,
  bounds,
  isKnown,
  joules,
  knownSum,
  milliseconds,
  percent,
  seconds,
  shareOf,
  watts,
  WORDS,
} from "/assets/charts.js";
import { count, scrolling, table } from "../../dom.js";
import { pausesOf } from "./rails.js";

// Rows of each table.
const SECTIONS = 40;
const OPERATIONS = 25;

const SECTION_COLUMNS = [
  ["name", (one) => one.name, null, "name"],
  ["role", (one) => one.role || "span"],
  [WORDS.phase, (one) => one.phase || ""],
  ["start", (one) => one.start_ns, seconds],
  [
    WORDS.time,
    (one) => (isKnown(one.end_ns) ? one.end_ns - one.start_ns : null),
    (time) => (isKnown(time) ? seconds(time) : "open"),
  ],
  [WORDS.energy, (one) => one.energy_j, joules, "energy_j"],
  [WORDS.interval, (one) => bounds(one.lo_j, one.hi_j)],
  [
    WORDS.average,
    (one) => (isKnown(one.avg_power_mw) ? one.avg_power_mw / 1e3 : null),
    watts,
  ],
];

// Phases and sections: open ones first, then the newest.
export function sectionTable(run) {
  const open = [...run.open.values()].filter((one) => one.role !== "token");
  const ended = [...run.sections.values()].reverse();
  const caption = `${open.length} open, ${run.sections.size} ended`;
  const rows = [...open, ...ended].slice(0, SECTIONS);
  return scrolling("Phases and sections", table(caption, SECTION_COLUMNS, rows), "wide tall");
}

// Operations with the highest energy so far. Where the energy of some calls is unknown, so is the
// sum; what is known of it is shown as the least.
export function operationTable(run) {
  const all = [...run.operations.values()].sort((a, b) => (b.least ?? 0) - (a.least ?? 0));
  const { whole } = knownSum(all.map((one) => one.energy_j));
  const isLess = run.pauses.length > 0;
  const caption =
    `${Math.min(OPERATIONS, all.length)} of ${all.length} operations, most energy first` +
    (isLess ? `; without ${pausesOf(run)}, of which no message came` : "");
  const some = isLess ? "at least " : "";
  const columns = [
    [WORDS.operation, (one) => one.operation],
    [WORDS.component, (one) => one.component || ""],
    [WORDS.phase, (one) => one.phase || ""],
    [
      WORDS.energy,
      (one) => (isLess ? null : one.energy_j),
      (_, one) => atLeast({ ...one, unknown: one.unknown || isLess }),
      "energy_j",
    ],
    [WORDS.share, (one) => (isLess ? null : shareOf(one.energy_j, whole)), percent],
    [WORDS.time, (one) => one.duration_ms, (time) => `${some}${milliseconds(time)}`],
    [WORDS.count, (one) => one.count, (number) => `${some}${count(number)}`],
  ];
  return scrolling("Operations", table(caption, columns, all.slice(0, OPERATIONS)), "wide tall");
}
