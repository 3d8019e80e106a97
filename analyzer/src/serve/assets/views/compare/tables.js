// Results of a comparison in words and numbers.

import { digits, isKnown, joules, percent } from "/assets/charts.js";
import { card, element, table } from "../../dom.js";
import { kindName, verdictText } from "./across.js";

const scrolling = (label, content) =>
  element("div", { class: "wide", tabindex: 0, role: "region", "aria-label": label }, content);

const range = (lo, hi) =>
  isKnown(lo) && isKnown(hi) ? `${digits(lo)} .. ${digits(hi)}` : "unknown";
const change = (ratio) => {
  if (!isKnown(ratio)) return "no ratio";
  const by = Math.abs(ratio - 1);
  return by < 0.0005 ? "as much energy" : `${percent(by)} ${ratio < 1 ? "less" : "more"} energy`;
};
const whole = (share) => `${Math.round(share * 1000) / 10} %`;
const origin = (power) =>
  power === "measured" ? "" : power === "modelled" ? "modelled, not measured" : power;

// One card for each side after the first: how its energy compares with A.
export function verdictCards(answer) {
  return element(
    "div",
    { class: "verdicts" },
    answer.sides.slice(1).map((side) => {
      const made = card(
        `side-${side.side}`,
        `${side.side} against A: ${verdictText(side)}`,
        change(side.ratio),
        [
          `ratio ${isKnown(side.ratio) ? digits(side.ratio) : "–"}`,
          isKnown(side.lo)
            ? `${whole(side.confidence ?? answer.confidence)} interval ${range(side.lo, side.hi)}`
            : "interval unknown",
          origin(answer.power),
        ]
          .filter(Boolean)
          .join("; "),
        side.ratio,
      );
      made.dataset.verdict = side.verdict || "";
      return made;
    }),
  );
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

// Notes and warnings of the answer.
export function notes(answer) {
  return [
    answer.warnings && answer.warnings.length
      ? element(
          "ul",
          { class: "cautions" },
          answer.warnings.map((text) => element("li", {}, text)),
        )
      : null,
    element(
      "ul",
      { class: "events" },
      (answer.notes || []).map((text) => element("li", {}, text)),
    ),
  ];
}
