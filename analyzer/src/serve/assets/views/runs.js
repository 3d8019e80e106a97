// Texts about a run of the list, used by several views.

import { isKnown } from "/assets/charts.js";

export const titleOf = (run) => run.name || run.run_id.slice(0, 8);

// `2026-11-29 10:47`, local time.
export function startOf(run) {
  const date = new Date(run.timestamp);
  if (Number.isNaN(date.getTime())) return "–";
  const two = (value) => String(value).padStart(2, "0");
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}`
  );
}

export const isModelled = (run) => /modelled/.test(run.provenance || "");

// Where the power of a run comes from.
export const sourceOf = (run) =>
  isModelled(run) ? "modelled, not measured" : run.provenance || "no power";

// Tags as texts: `key`, `key=value`.
export function tagsOf(run) {
  const { tags } = run;
  if (Array.isArray(tags)) return tags;
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

export const durationNs = (run) =>
  isKnown(run.duration_ns)
    ? run.duration_ns
    : isKnown(run.total_duration_ms)
      ? run.total_duration_ms * 1e6
      : null;
