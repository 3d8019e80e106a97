// Shades of energies that grow while they are shown.

import { isKnown, joules, rect, s, SHADES } from "/assets/charts.js";

// Returns the energy with the darkest shade: one in twenty values may exceed it, so that a single
// one does not make all others pale. Unknown values do not count.
export function scaleOf(values) {
  const known = values.filter(isKnown).sort((a, b) => a - b);
  return Math.max(known[Math.min(known.length - 1, Math.floor(known.length * 0.95))] ?? 0, 1e-15);
}

// Returns the shade of an energy, 0 to 7; -1 if it is unknown.
export const levelOf = (value, highest) =>
  isKnown(value)
    ? Math.max(0, Math.min(SHADES - 1, Math.floor((value / highest) * (SHADES - 1e-3))))
    : -1;

// Returns the content of a legend of shades.
export const rampOf = (highest, about) => [
  "0 J ",
  ...[...Array(SHADES).keys()].map((level) =>
    s(
      "svg",
      { width: 22, height: 12, "aria-hidden": "true" },
      rect(0, 0, 22, 12, { class: `swatch shade${level}` }),
    ),
  ),
  ` ${joules(highest)} and more${about ? `; ${about}` : ""}`,
];
