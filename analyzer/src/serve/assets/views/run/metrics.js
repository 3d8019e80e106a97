// Quantities that a run may have for its cells: their names, formats, and whether they sum.

import {
  capitalised,
  digits,
  isKnown,
  joules,
  percent,
  quantity,
  STATISTICS,
  ticks,
  UNKNOWN,
  watts,
  WORDS,
} from "/assets/charts.js";

// A run has a metric if its summary has a value of `key`. The summary has no entropy: it is
// recorded with the other statistics.
const METRICS = [
  { name: "energy", title: capitalised(WORDS.energy), sums: true, key: "avg_energy_j" },
  { name: "time", title: capitalised(WORDS.time), sums: true, key: "avg_duration_ms" },
  { name: "power", title: capitalised(WORDS.power), sums: false, key: "avg_power_mw" },
  { name: "mean", title: capitalised(STATISTICS.mean), sums: false, key: "avg_activation_mean" },
  { name: "std", title: capitalised(STATISTICS.std), sums: false, key: "avg_activation_std" },
  { name: "max", title: capitalised(STATISTICS.max), sums: false, key: "avg_activation_max" },
  { name: "sparsity", title: capitalised(STATISTICS.sparsity), sums: false, key: "avg_activation_sparsity" },
  { name: "entropy", title: capitalised(STATISTICS.entropy), sums: false, key: "avg_activation_mean" },
];

// Shades of energy, time and power begin at zero, those of statistics at the lowest value.
export const isFromZero = (name) => ["energy", "time", "power"].includes(name);

export const metricOf = (name) => METRICS.find((one) => one.name === name) || METRICS[0];

// Seconds in a unit of time.
const TIMES = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1 };

// Returns a function that formats values of a metric in a unit.
export function formatOf(metric, unit) {
  if (unit === "J") return joules;
  if (unit === "mJ") return (value) => joules(isKnown(value) ? value / 1e3 : value);
  if (unit === "W") return watts;
  if (unit === "mW") return (value) => watts(isKnown(value) ? value / 1e3 : value);
  if (TIMES[unit]) return (value) => quantity(isKnown(value) ? value * TIMES[unit] : value, "s");
  if (metric === "sparsity") return percent;
  const end = unit && unit !== "1" && unit !== "share" ? ` ${unit}` : "";
  return (value) => (isKnown(value) ? `${digits(value)}${end}` : UNKNOWN);
}

// Round numbers from `from` to `to` in a unit of cells, with texts as other axes have them.
const BASES = { J: [1, "J"], mJ: [1e-3, "J"], W: [1, "W"], mW: [1e-3, "W"] };
export function ticksOf(from, to, count, unit) {
  const [size, base] = BASES[unit] || (TIMES[unit] ? [TIMES[unit], "s"] : [1, null]);
  const made = ticks(from * size, to * size, count, base);
  return made.map(({ value, text }) => ({ value: value / size, text }));
}

// Metrics with a value anywhere in the run, by its averages of components and layers.
export function metricsOf(summary) {
  const rows = [
    ...(summary?.component_averages || []),
    ...(summary?.hottest_components || []),
    ...(summary?.layer_averages || []),
  ];
  const found = METRICS.filter(({ key }) => rows.some((row) => isKnown(row[key])));
  return found.length ? found : METRICS.slice(0, 3);
}
