// Shades of values: the eight colours of the theme, from the lowest value to the highest.

import { h, isKnown, SHADES } from "/assets/charts.js";

// The range of most values, so that a few outliers do not take all shades; of many values some
// are sampled. Ranges of sums begin at zero.
const SHARE = 0.98;
const SAMPLE = 60000;
export function rangeOf(values, isFromZero) {
  const step = Math.ceil(values.length / SAMPLE) || 1;
  const known = values.filter((value, at) => at % step === 0 && !Number.isNaN(value)).sort();
  if (!known.length) return { lo: 0, hi: 1 };
  const at = (share) => known[Math.round(share * (known.length - 1))];
  const lo = isFromZero ? 0 : at(1 - SHARE);
  const hi = at(SHARE) > lo ? at(SHARE) : known[known.length - 1];
  return { lo, hi: hi > lo ? hi : lo + (Math.abs(lo) || 1) };
}

// The range from zero of energies that grow while they are shown: one in twenty may exceed it, so
// that a single one does not make all others pale. Unknown values do not count.
export function growingRangeOf(values) {
  const known = values.filter(isKnown).sort((a, b) => a - b);
  const at = Math.min(known.length - 1, Math.floor(known.length * 0.95));
  return { lo: 0, hi: Math.max(known[at] ?? 0, 1e-15) };
}

// Maps values from `lo` to `hi` to one of `steps`; unknown values have no step: -1.
export const stepOf = (value, { lo, hi }, steps) =>
  isKnown(value)
    ? Math.max(0, Math.min(steps - 1, Math.floor(((value - lo) / (hi - lo || 1)) * steps)))
    : -1;
export const levelOf = (value, range) => stepOf(value, range, SHADES);

// Returns the content of a legend: the shades with the values of both ends.
export const rampOf = (range, format, words) => [
  `${format(range.lo)}${range.lo ? " and less" : ""} `,
  ...[...Array(SHADES).keys()].map((level) =>
    h("i", { class: `step step${level}`, "aria-hidden": "true" }),
  ),
  ` ${format(range.hi)} and more${words ? `; ${words}` : ""}`,
];
