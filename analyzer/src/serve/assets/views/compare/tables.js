// Results of a comparison in words and numbers.

import {
  bounds,
  digits,
  isKnown,
  joules,
  percent,
  provenanceWords,
  UNKNOWN,
} from "/assets/charts.js";
import { card, element, scrolling, table } from "../../dom.js";
import { short } from "../runs.js";
import { kindName, verdictText } from "./across.js";

const number = (value) => (isKnown(value) ? digits(value) : UNKNOWN);
const range = (lo, hi) => bounds(lo, hi, number);
const change = (ratio) => {
  if (!isKnown(ratio)) return "no ratio";
  const by = Math.abs(ratio - 1);
  return by < 0.0005 ? "as much energy" : `${percent(by)} ${ratio < 1 ? "less" : "more"} energy`;
};
const whole = (share) => `${Math.round(share * 1000) / 10} %`;
const origin = (power) => (power === "measured" ? "" : provenanceWords(power));

// Why operations are compared by time only.
const NO_ESTIMATE = / \(no estimate of run (.+) has any weight\)/;
const NO_POWER = ", because the power of operations could not be estimated in $1";

// Whether a verdict states a difference.
const isDecided = ({ verdict }) => verdict === "better" || verdict === "worse";

// One card for each side after the first: how its energy compares with A. A difference that is not
// shown by the runs is no headline.
export function verdictCards(answer) {
  const cardOf = (side) => {
    const details = [
      isDecided(side) ? verdictText(side) : `estimate: ${change(side.ratio)}`,
      `ratio ${number(side.ratio)}`,
      isKnown(side.lo)
        ? `${whole(side.confidence ?? answer.confidence)} interval ${range(side.lo, side.hi)}`
        : "interval unknown",
      origin(answer.power),
    ];
    const title = isDecided(side) ? change(side.ratio) : verdictText(side);
    const key = `side-${side.side}`;
    const made = card(key, `${side.side} against A`, title, details.filter(Boolean).join("; "));
    made.dataset.v = side.ratio ?? "";
    made.dataset.verdict = side.verdict || "";
    return made;
  };
  return element("div", { class: "verdicts" }, answer.sides.slice(1).map(cardOf));
}

// The level of intervals differs: that of phases is higher, because there are several of them.
const intervalOf = ({ lo, hi, confidence }) =>
  isKnown(lo) && isKnown(confidence) ? `${whole(confidence)}: ${range(lo, hi)}` : range(lo, hi);

const columns = (unit) => [
  ["part", (row) => row.part, null, "what"],
  ["side", (row) => row.side],
  [`A, ${unit}`, (row) => row.base_j, joules],
  [`side, ${unit}`, (row) => row.other_j, joules],
  ["ratio", (row) => row.ratio, number, "ratio"],
  ["interval", intervalOf],
  ["p", (row) => row.p, (p) => (isKnown(p) ? p.toPrecision(2) : UNKNOWN)],
  ["runs", (row) => (row.samples || []).join(" and ")],
  ["verdict", verdictText, null, "verdict"],
];

// Total, phases and kinds with ratio, interval and verdict.
export function ratioTable(answer) {
  const [base, ...others] = answer.sides;
  const { energy_j: base_j } = base;
  const total = (side) => ({ ...side, part: "total", base_j, other_j: side.energy_j });
  const rows = [
    ...others.map(total),
    ...answer.phases.map((one) => ({ ...one, part: `phase ${one.part}` })),
    ...(answer.kind_comparisons || []).map((one) => ({ ...one, part: kindName(answer, one.part) })),
  ];
  return scrolling("Ratios to A", table(null, columns(answer.unit), rows));
}

// Settings in which the sides differ.
export function differenceTable(answer) {
  const rows = (answer.differences || []).flatMap(({ what, values }) =>
    values.map(({ sides, value }) => ({ what, sides, value })),
  );
  if (!rows.length)
    return element(
      "p",
      { class: "note" },
      `Nothing that is checked differs, where it is known: ${answer.checked.join(", ")}.`,
    );
  return scrolling(
    "Different settings",
    table(
      null,
      [
        ["setting", (row) => row.what],
        ["side", (row) => row.sides.join(", ")],
        ["value", (row) => (row.value === null ? "unknown" : String(row.value))],
      ],
      rows,
    ),
  );
}

// Warnings about runs, and notes. Equal warnings are one line with the runs they concern.
export function notes(answer) {
  const byText = new Map();
  for (const { of, title, message } of answer.warnings || []) {
    byText.set(message, [...(byText.get(message) || []), `${of}: ${short(title)}`]);
  }
  const warnings = [...byText].map(([message, runs]) => `${runs.join(", ")}: ${message}`);
  const listOf = (name, texts) =>
    texts.length
      ? element(
          "ul",
          { class: name },
          texts.map((text) => element("li", {}, text)),
        )
      : null;
  const leftOut = (answer.left_out || []).map(
    ({ run, why }) => `Run ${run.slice(0, 8)} is on no side: ${why}`,
  );
  const inWords = (answer.notes || []).map((one) => one.replace(NO_ESTIMATE, NO_POWER));
  return [listOf("cautions", warnings), listOf("events", [...inWords, ...leftOut])];
}
