// Names of quantities and charts: one name for one thing, in figures, headings, tables and tooltips.

const WORDS = {
  energy: "energy",
  active: "active energy",
  perToken: "per token",
  perGenerated: "per generated token",
  interval: "90 % interval",
  power: "power",
  average: "average power",
  idle: "idle power",
  peak: "peak power",
  now: "power now",
  time: "time",
  recorded: "recorded time",
  speed: "speed",
  share: "share",
  count: "count",
  tokens: "tokens",
  token: "token",
  text: "text",
  phase: "phase",
  layer: "layer",
  component: "component",
  operation: "operation",
  rail: "rail",
  provenance: "provenance",
};

const TITLES = {
  pipeline: "Pipeline",
  timeline: "Power over time",
  phases: "Phases",
  heatmap: "Layers and components",
  waterfall: "Waterfall of tokens",
  map: "Tokens by layers",
  tokens: "Token by token",
  cumulative: "Cumulative energy of tokens",
  stack: "Components of each phase",
  treemap: "Treemap of spans",
  sankey: "From rails to operations",
  flame: "Flamegraph of spans",
  balance: "Balance",
};

// Statistics of activations by their names in cells.
const STATISTICS = {
  mean: "activation mean",
  std: "activation standard deviation",
  max: "activation maximum",
  sparsity: "activation sparsity",
  entropy: "attention entropy",
};

// The name at the beginning of a line.
const capitalised = (word) => word[0].toUpperCase() + word.slice(1);

// How power was determined: `measured`, or the caveat. Several provenances are joined by `+`.
function provenanceWords(provenance, none = "provenance unknown") {
  if (!provenance) return none;
  if (provenance.includes(",") || provenance.includes(" ")) return provenance;
  const partly = provenance.includes("+") ? "partly " : "";
  if (provenance.includes("modelled")) return `${partly}modelled, not measured`;
  if (provenance.includes("replayed")) return `${partly}replayed from a recording`;
  return provenance;
}

// A sum with an unknown part is unknown; the sum of its known parts is its least amount.
function knownSum(values) {
  const known = values.filter(isKnown);
  const unknown = values.length - known.length;
  return { least: known.length ? sum(known) : null, unknown, whole: unknown ? null : sum(known) };
}
const atLeast = ({ least, unknown }, show = joules) =>
  unknown && isKnown(least) ? `at least ${show(least)}` : show(least);
