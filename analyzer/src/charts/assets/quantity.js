// Formats quantities with four digits and a fitting unit, like the command line. Unknown values
// are a dash.

const UNITS = {
  J: [
    [1e-9, "nJ"],
    [1e-6, "uJ"],
    [1e-3, "mJ"],
    [1, "J"],
    [3.6e6, "kWh"],
  ],
  W: [
    [1e-6, "uW"],
    [1e-3, "mW"],
    [1, "W"],
    [1e3, "kW"],
  ],
  s: [
    [1e-9, "ns"],
    [1e-6, "us"],
    [1e-3, "ms"],
    [1, "s"],
  ],
};
const UNKNOWN = "–";

const isKnown = (value) => typeof value === "number" && Number.isFinite(value);

function digits(value) {
  const size = Math.abs(value);
  if (size > 0 && size < 5e-4) return value.toExponential(1);
  return value.toFixed(size >= 999.95 ? 0 : size >= 99.995 ? 1 : size >= 9.9995 ? 2 : 3);
}

// The largest unit in which the value is at least one.
function fitting(size, unit) {
  const steps = UNITS[unit];
  let found = steps[0];
  for (const step of steps) if (size / step[0] >= 0.99995) found = step;
  return found;
}

function quantity(value, unit) {
  if (!isKnown(value)) return UNKNOWN;
  if (value === 0) return `0 ${unit}`;
  const [size, name] = fitting(Math.abs(value), unit);
  return `${digits(value / size)} ${name}`;
}

// Rounding remainders of sums that cancel are shown as zero.
const joules = (value) => quantity(isKnown(value) && Math.abs(value) < 1e-13 ? 0 : value, "J");
const watts = (value) => quantity(value, "W");
const seconds = (ns) => quantity(isKnown(ns) ? ns / 1e9 : ns, "s");
const shareOf = (part, whole) => (isKnown(part) && whole > 0 ? part / whole : null);
const percent = (share) => (isKnown(share) ? `${(share * 100).toFixed(1)} %` : UNKNOWN);

const milliseconds = (time) => seconds(isKnown(time) ? time * 1e6 : null);

// An interval without its level, where a heading has it.
const bounds = (lo, hi, show = joules) =>
  isKnown(lo) || isKnown(hi) ? `${show(lo)} .. ${show(hi)}` : "unknown";
// An interval in words. An energy of `coverage` 1 has none, because no sample is missing.
function interval(lo, hi, coverage) {
  if (isKnown(lo) || isKnown(hi)) return `90 %: ${bounds(lo, hi)}`;
  return coverage >= 1 ? "no interval: no samples are missing" : "interval unknown";
}

// About `count` round numbers from `from` to `to`, with texts in a common unit.
function ticks(from, to, count, unit) {
  const span = to - from || 1;
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999);
  const at = [];
  for (let n = Math.ceil(from / step - 1e-9); n * step <= to + step * 1e-6; n += 1)
    at.push(n * step);
  const [size, name] = unit ? fitting(Math.max(Math.abs(from), Math.abs(to)), unit) : [1, ""];
  const decimals = Math.max(
    0,
    Math.min(
      6,
      -Math.floor(Math.log10((step / size) * 1.0001) + 1e-9) +
        (/^2\.5/.test((step / power).toString()) ? 1 : 0),
    ),
  );
  return at.map((value) => ({
    value,
    text: `${(value / size).toFixed(decimals)}${name ? ` ${name}` : ""}`,
  }));
}

const shorten = (text, most) =>
  text.length <= most ? text : most < 2 ? "" : `${text.slice(0, most - 1)}…`;
const sum = (values) => values.reduce((total, value) => total + (isKnown(value) ? value : 0), 0);
