// Words and numbers that several views show.

import { interval, isKnown, seconds } from "/assets/charts.js";

// An interval without its level, where a heading has it.
export const bounds = (lo, hi) => interval(lo, hi).replace("90 %: ", "");

// A time in milliseconds with a fitting unit.
export const milliseconds = (time) => seconds(isKnown(time) ? time * 1e6 : null);

// How power was determined: `measured`, or the caveat; `none` if there is no power. Several sources
// are joined by `+`.
export function provenanceWords(provenance, none = "without power") {
  if (!provenance) return none;
  const partly = provenance.includes("+") ? "partly " : "";
  if (provenance.includes("modelled")) return `${partly}modelled, not measured`;
  if (provenance.includes("replayed")) return `${partly}replayed from a recording`;
  return provenance;
}
