// Quantities that a run may have for its cells: their names, formats, and whether they sum.

import { digits, isKnown, joules, percent, quantity, UNKNOWN, watts } from "/assets/charts.js";

const METRICS = [
  { name: "energy", title: "Energy", sums: true },
  { name: "time", title: "Time", sums: true },
  { name: "power", title: "Power", sums: false },
  { name: "mean", title: "Activation mean", sums: false },
  { name: "std", title: "Activation deviation", sums: false },
  { name: "max", title: "Activation maximum", sums: false },
  { name: "sparsity", title: "Activation sparsity", sums: false },
  { name: "entropy", title: "Attention entropy", sums: false },
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

const known = (rows, keys) => rows.some((row) => keys.some((key) => isKnown(row[key])));

// Metrics with a value anywhere in the run, by its averages of components and layers.
export function metricsOf(summary) {
  const rows = [
    ...(summary?.component_averages || []),
    ...(summary?.hottest_components || []),
    ...(summary?.layer_averages || []),
  ];
  const keys = {
    energy: ["avg_energy_j", "avg_energy_mj"],
    time: ["avg_duration_ms"],
    power: ["avg_power_w", "avg_power_mw"],
  };
  const statistics = (name) => [`avg_activation_${name}`, `avg_${name}`, `avg_attention_${name}`];
  const isStated = rows.some((row) => statistics("entropy").some((key) => key in row));
  const hasStatistics = known(rows, statistics("mean"));
  const has = ({ name }) =>
    name === "entropy" && !isStated ? hasStatistics : known(rows, keys[name] || statistics(name));
  const found = METRICS.filter(has);
  return found.length ? found : METRICS.slice(0, 3);
}
