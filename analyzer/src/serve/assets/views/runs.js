// Texts about a run of the list, used by several views.

import { isKnown, provenanceWords, shorten, UNKNOWN } from "/assets/charts.js";

// Longest name that is shown, and longest one that is typed to confirm.
const SHOWN = 60;
const TYPED = 40;

// Recorded texts may be as long as their writer liked.
export const short = (text) => shorten(text || "", SHOWN);
const start = (run) => run.run_id.slice(0, 8);

export const titleOf = (run) => short(run.name) || start(run);

// What is typed to confirm that a run is meant: its name, or the beginning of its id.
export const typedName = (run) =>
  run.name && run.name.length <= TYPED ? run.name.trim() || start(run) : start(run);

const PHASES = ["pre_inference", "prefill", "decode", "post_inference"];

// Names of phases in the order of their colours: those of inference have the same in all runs.
export const phaseOrder = (names) => [...new Set([...PHASES, ...names])];

// Times are in UTC, as the command line writes them: `2026-11-29T10:47:12Z`.
export function dateOf(time) {
  const date = new Date(time ?? NaN);
  return Number.isNaN(date.getTime()) ? UNKNOWN : date.toISOString().replace(/\.\d+Z$/, "Z");
}
export const startOf = (run) => dateOf(run.timestamp);
export const timeOf = (time) => dateOf(time).replace(/^.*T/, "");

export const isModelled = (run) => /modelled/.test(run.provenance || "");

// Where the power of a run comes from; a stored run has no provenance if it has no rails.
export const WITHOUT_POWER = "without power";
export const sourceOf = (run) => provenanceWords(run.provenance, WITHOUT_POWER);

// Tags as texts: `key`, `key=value`.
export function tagsOf(run) {
  const { tags } = run;
  return Object.entries(tags || {}).map(([key, value]) => (value ? `${key}=${value}` : key));
}

// Energy per token with its interval; the interval of the energy, divided by the same number.
export function perToken(run) {
  const value = run.j_per_token;
  if (!isKnown(value) || !isKnown(run.energy_j) || run.energy_j <= 0) {
    return { value: isKnown(value) ? value : null, lo: null, hi: null };
  }
  const each = value / run.energy_j;
  const of = (end) => (isKnown(end) ? end * each : null);
  return { value, lo: of(run.lo_j), hi: of(run.hi_j) };
}
