// The answer of a comparison in the form that the report's chart draws.

import { isKnown } from "/assets/charts.js";
import { phaseOrder, short } from "../runs.js";

const VERDICTS = {
  better: "better",
  worse: "worse",
  same: "same",
  no_difference: "no difference shown",
  inconclusive: "inconclusive",
  undecided: "undecided",
};
const REASONS = {
  no_run: "no run",
  one_run: "one run",
  two_runs: "two runs",
  not_positive: "not above zero in each run",
  coverage: "coverage",
};
// Kinds that are drawn.
const KINDS = 20;

// A verdict in words: `worse`, `inconclusive (one run)`.
export function verdictText({ verdict, reason, detectable }) {
  const words = VERDICTS[verdict] || verdict || "no verdict";
  if (reason) return `${words} (${REASONS[reason] || reason})`;
  if (verdict === "no_difference" && isKnown(detectable)) {
    return `${words} (could see ${(detectable * 100).toFixed(1)} %)`;
  }
  return words;
}

// Returns a short name of a kind: the end of its path, and the number of kinds that samples do
// not separate from it.
export function kindName(answer, part) {
  const found = (answer.kinds || []).find((one) => one.kind === part);
  const paths = found && found.kinds && found.kinds.length ? found.kinds : [part];
  const names = paths.map((path) => path.split(">").map((name) => name.trim()));
  const last = names[0].slice(-2).join(" > ");
  const whole = paths.length > 1 ? `${last} and ${paths.length - 1} more` : last;
  // The same operation may be in several phases.
  const known = phaseOrder((answer.phases || []).map((one) => one.part));
  const phases = [...new Set(names.map((path) => path.find((name) => known.includes(name))))];
  const inside = phases.filter((name) => name && !names[0].slice(-2).includes(name));
  return inside.length ? `${inside.join(", ")}: ${whole}` : whole;
}

const ratioOf = (of, name) => (one) => ({
  of,
  name: name(one),
  side: one.side,
  ratio: one.ratio,
  lo: one.lo,
  hi: one.hi,
  p: one.p,
  verdict: verdictText(one),
});

// Ratios of the sides after the first: total, phases, kinds.
function ratiosOf(answer) {
  const others = answer.sides.slice(1).filter((side) => "ratio" in side);
  return [
    ...others.map(ratioOf("total", () => "total")),
    ...answer.phases.map(ratioOf("phase", (one) => one.part)),
    ...(answer.kind_comparisons || [])
      .slice(0, KINDS)
      .map(ratioOf("kind", (one) => kindName(answer, one.part))),
  ];
}

// The name of a side: that of its run, if it was selected by its id.
function sideName(side, runs) {
  const [only] = runs;
  if (runs.length !== 1 || only.run !== side.name) return short(side.name);
  const id = only.run.slice(0, 8);
  return only.title.includes(id) ? short(only.title) : `${short(only.title)} (${id})`;
}

export function acrossOf(answer) {
  const runsOf = (side) => answer.runs.filter((run) => run.side === side.side);
  const sides = answer.sides.map((side) => ({
    label: side.side,
    name: sideName(side, runsOf(side)),
    runs: runsOf(side).map(({ title, energy_j, lo_j, hi_j }) => ({
      run: short(title),
      energy_j,
      lo_j,
      hi_j,
    })),
  }));
  const names = [...new Set(answer.phases.map((one) => one.part))];
  const phases = names.map((name) => {
    const parts = answer.phases.filter((one) => one.part === name);
    const [base] = parts;
    return {
      phase: name,
      energy_j: sides.map(({ label }, at) => {
        if (at === 0) return base.base_j;
        const part = parts.find((one) => one.side === label);
        return part ? part.other_j : null;
      }),
    };
  });
  return { unit: answer.unit, power: answer.power, sides, ratios: ratiosOf(answer), phases };
}
