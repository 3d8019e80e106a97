// Energies of tokens of runs over each other.

import {
  axisX,
  axisY,
  drawing,
  interval,
  isKnown,
  joules,
  knownSum,
  linear,
  Reader,
  s,
  ticks,
  whiskerY,
} from "/assets/charts.js";
import { element } from "../../dom.js";
import { colourOf, dashOf, legendOf } from "./sides.js";

// Tokens up to which each has its own error bar.
const WHISKERS = 60;

// Energies of tokens in order, each run a line; the interval of a token where it is known.
export function tokenOverlay(runs, width) {
  const drawn = runs
    .filter((one) => one.charts.tokens && one.charts.tokens.bars.some((bar) => isKnown(bar.j)))
    .map((one) => ({ ...one, bars: one.charts.tokens.bars }));
  if (!drawn.length) return null;
  const narrow = width < 620;
  const place = { left: 62, right: width - 14, top: 8, bottom: narrow ? 190 : 230 };
  const { left, right, top, bottom } = place;
  const count = Math.max(...drawn.map((one) => one.bars.length));
  const each = (bar) => (isKnown(bar.j) ? bar.j / bar.n : null);
  const ends = drawn
    .flatMap((one) => one.bars.flatMap((bar) => [each(bar), bar.hi]))
    .filter(isKnown);
  const highest = Math.max(...ends, 1e-15) * 1.06;
  const x = linear(0, Math.max(1, count - 1), left + 8, right - 8);
  const y = linear(0, highest, bottom, top + 6);
  const path = ({ bars }) => {
    let isOpen = false;
    return bars
      .map((bar, at) => {
        const energy = each(bar);
        if (energy === null) {
          isOpen = false;
          return "";
        }
        const part = `${isOpen ? "L" : "M"}${x(at).toFixed(1)} ${y(energy).toFixed(1)}`;
        isOpen = true;
        return part;
      })
      .join("");
  };
  const whiskers = (one) =>
    one.bars.length <= WHISKERS
      ? one.bars.map((bar, at) => whiskerY(y, bar.lo, bar.hi, x(at), 3)).filter(Boolean)
      : [];
  const perBar = Math.max(...drawn.map((one) => one.charts.tokens.per_bar || 1));
  const svg = drawing(
    width,
    bottom + 24,
    "Energy of tokens of the runs",
    axisY(ticks(0, highest, 4, "J"), y, left, right),
    axisX(
      ticks(0, Math.max(1, count - 1), narrow ? 4 : 8, null).filter((one) =>
        Number.isInteger(one.value),
      ),
      x,
      bottom,
      bottom - 4,
    ),
    drawn.map((one) => [
      whiskers(one),
      s("path", {
        d: path(one),
        class: "line",
        stroke: colourOf(one.side),
        "stroke-dasharray": dashOf(one) || null,
        "data-run": one.id,
        "data-j": knownSum(one.bars.map((bar) => bar.j)).whole,
      }),
    ]),
  );
  const reader = new Reader({
    place,
    count,
    label: "Energy of tokens",
    xAt: (at) => x(at),
    linesAt: (at) => [
      perBar > 1 ? `position ${at + 1} of ${count}` : `token ${at}`,
      ...drawn.map((one) => {
        const bar = one.bars[at];
        if (!bar) return `${one.label} ${one.title}: ended`;
        const hasInterval = isKnown(bar.lo) || isKnown(bar.hi);
        const text = bar.text ? ` “${bar.text}”` : "";
        return `${one.label} ${one.title}: ${joules(each(bar))}${hasInterval ? `, ${interval(bar.lo, bar.hi)}` : ""}${text}`;
      }),
    ],
  });
  svg.append(...reader.elements);
  return [
    svg,
    legendOf(drawn),
    perBar > 1
      ? element("p", { class: "note" }, `Positions are means of up to ${perBar} tokens.`)
      : null,
  ].filter(Boolean);
}
