// One colour for each part, the same in all charts. All colours are dark enough to contrast
// with white and light enough for black text. Lightness of neighbours, hatching or text also
// distinguish them.

const HUES = {
  blue: "#4c95dd",
  orange: "#d47932",
  green: "#3fa76b",
  purple: "#9d7dd4",
  red: "#dd666a",
  teal: "#2ba0a6",
  olive: "#9c942f",
  magenta: "#cf67a5",
  brown: "#aa8b60",
  grey: "#8c9197",
};

const KNOWN = [
  [/^attention$/, "blue"],
  [/^(mlp|moe)$/, "orange"],
  [/norm$/, "green"],
  [/^lm_head$/, "purple"],
  [/embedding$/, "brown"],
  [/^(sampling|sample)$/, "magenta"],
  [/^layers?$/, "olive"],
  [/^token/, "red"],
  [/kv_cache/, "brown"],
  [/^\((own|rest|other)\)$/, "grey"],
];
const OTHERS = ["blue", "orange", "green", "purple", "teal", "red", "olive", "magenta", "brown"];
const given = new Map();

function partColour(part) {
  if (!given.has(part)) {
    const known = KNOWN.find(([pattern]) => pattern.test(part || ""));
    const others = [...given.values()].filter((one) => !one.known).length;
    given.set(part, {
      hue: HUES[known ? known[1] : OTHERS[others % OTHERS.length]],
      known: !!known,
    });
  }
  return given.get(part).hue;
}

// Colours of parts that are drawn side by side: later parts of the same colour are lighter.
function distinctColours(parts) {
  const used = new Map();
  return new Map(
    parts.map((part) => {
      const hue = partColour(part === "(remainder)" ? "(rest)" : part);
      const before = used.get(hue) || 0;
      used.set(hue, before + 1);
      return [part, before ? shade(hue, Math.min(0.7, before * 0.3)) : hue];
    }),
  );
}

const ACCOUNTS = {
  idle: "grey",
  spans: "blue",
  unattributed: "teal",
  "other processes": "orange",
  profiler: "purple",
  residual: "red",
  unknown: "olive",
};
const RAILS = ["blue", "orange", "green", "purple", "red", "teal", "olive", "magenta"];
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "4 4", "12 4", "1 4", "6 2 1 2"];
const railColour = (at) => HUES[RAILS[at % RAILS.length]];
const PHASES = ["brown", "magenta", "teal", "olive", "purple", "green"];

function phaseColour(names, phase) {
  const at = names.indexOf(phase);
  return phase.startsWith("(") || at < 0 ? HUES.grey : HUES[PHASES[at % PHASES.length]];
}

// A colour nearer to white (`by` above 0) or black (below 0).
function shade(hex, by) {
  const target = by > 0 ? 255 : 0;
  const part = Math.abs(by);
  const mixed = [1, 3, 5].map((at) => {
    const value = parseInt(hex.slice(at, at + 2), 16);
    return Math.round(value + (target - value) * part)
      .toString(16)
      .padStart(2, "0");
  });
  return `#${mixed.join("")}`;
}
