// Results of a comparison in words and numbers.

import { digits, isKnown, joules, percent } from "/assets/charts.js";
import { card, element, scrolling, table } from "../../dom.js";
import { short } from "../runs.js";
import { provenanceWords } from "../words.js";
import { kindName, verdictText } from "./across.js";

const range = (lo, hi) =>
  isKnown(lo) && isKnown(hi) ? `${digits(lo)} .. ${digits(hi)}` : "unknown";
const change = (ratio) => {
  if (!isKnown(ratio)) return "no ratio";
  const by = Math.abs(ratio - 1);
  return by < 0.0005 ? "as much energy" : `${percent(by)} ${ratio < 1 ? "less" : "more"} energy`;
};
const whole = (share) => `${Math.round(share * 1000) / 10} %`;
const origin = (power) =>
  power === "measured" ? "" : provenanceWords(power);

// Whether a verdict states a difference.
const isDecided = ({ verdict }) => verdict === "better" || verdict === "worse";

// One card for each side after the first: how its energy compares with A. A difference that is not
// shown by the runs is no headline.
export function verdictCards(answer) {
  const cardOf = (side) => {
    const details = [
      isDecided(side) ? verdictText(side) : `estimate: ${change(side.ratio)}`,
      `ratio ${isKnown(side.ratio) ? digits(side.ratio) : "–"}`,
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

const columns = (unit) => [
  { title: "What", name: "what" },
  { title: "Side" },
  { title: `A, ${unit}`, numeric: true },
  { title: `Side, ${unit}`, numeric: true },
  { title: "Ratio", numeric: true, name: "ratio" },
  { title: "Interval", numeric: true },
  { title: "p", numeric: true },
  { title: "Runs" },
  { title: "Verdict", name: "verdict" },
];

function row(what, one, base, other) {
  return [
    what,
    one.side,
    { text: joules(base), value: base },
    { text: joules(other), value: other },
    { text: isKnown(one.ratio) ? digits(one.ratio) : "–", value: one.ratio },
    range(one.lo, one.hi),
    isKnown(one.p) ? one.p.toPrecision(2) : "–",
    (one.samples || []).join(" and "),
    verdictText(one),
  ];
}

// Total, phases and kinds with ratio, interval and verdict.
export function ratioTable(answer) {
  const [base, ...others] = answer.sides;
  const rows = [
    ...others.map((side) => row("total", side, base.energy_j, side.energy_j)),
    ...answer.phases.map((one) => row(`phase ${one.part}`, one, one.base_j, one.other_j)),
    ...(answer.kind_comparisons || []).map((one) =>
      row(kindName(answer, one.part), one, one.base_j, one.other_j),
    ),
  ];
  return scrolling("Ratios to A", table(null, columns(answer.unit), rows));
}

// Settings in which the sides differ.
export function differenceTable(answer) {
  const rows = (answer.differences || []).flatMap(({ what, values }) =>
    values.map(({ sides, value }) => [
      what,
      sides.join(", "),
      value === null ? "unknown" : String(value),
    ]),
  );
  if (!rows.length)
    return element("p", { class: "note" }, "The configurations of the sides are equal.");
  return scrolling(
    "Different settings",
    table(null, [{ title: "Setting" }, { title: "Side" }, { title: "Value" }], rows),
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
  return [listOf("cautions", warnings), listOf("events", [...(answer.notes || []), ...leftOut])];
}
