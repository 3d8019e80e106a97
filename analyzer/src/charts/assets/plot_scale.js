// Scales of plots of experiments: linear, logarithmic, or names at equal distances.

const COLOURS_OF_SERIES = ["blue", "orange", "green", "purple", "teal", "magenta"];
const seriesColour = (at) => HUES[COLOURS_OF_SERIES[at % COLOURS_OF_SERIES.length]];

// Numbers of parameters and tokens without trailing zeros.
function compactNumber(value) {
  const steps = [
    [1e9, "B"],
    [1e6, "M"],
  ];
  const [size, suffix] = steps.find(([least]) => Math.abs(value) >= least) || [1, ""];
  const words = digits(value / size);
  return (words.includes(".") && !words.includes("e") ? words.replace(/\.?0+$/, "") : words) + suffix;
}

// The text of a value on an axis of a plot.
function plotText(axis, value) {
  if (axis.scale === "names") return axis.names[value] || "";
  if (axis.unit === "J" || axis.unit === "J/token") return joules(value);
  if (axis.unit === "time") return new Date(value / 1e6).toISOString().slice(5, 16).replace("T", " ");
  return compactNumber(value);
}

// The pixels of values between `lo` and `hi`, and the ends of the axis.
function plotScale(axis, [lo, hi], [low, high], fromZero) {
  const isLog = axis.scale === "log" && lo > 0;
  let [from, to] = [lo, hi];
  if (axis.scale === "names") [from, to] = [-0.5, axis.names.length - 0.5];
  else if (isLog) {
    const room = Math.max(1.02, (hi / lo) ** 0.06);
    [from, to] = [lo / room, hi * room];
  } else {
    const span = hi > lo ? hi - lo : Math.abs(hi) || 1e-12;
    from = fromZero ? Math.min(0, lo) : lo - span * 0.06;
    to = hi + span * 0.06;
  }
  const place = isLog
    ? (value) =>
        low + (Math.log(Math.max(value, from * 1e-6) / from) / Math.log(to / from)) * (high - low)
    : linear(from, to, low, high);
  return { place, within: (value) => place(Math.min(to, Math.max(from, value))), from, to, isLog };
}

// 1, 2 and 5 of each power of ten, or powers of ten alone if these are too many.
function powersBetween(from, to, count) {
  const [first, last] = [Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))];
  const of = (factors) => {
    const all = [];
    for (let n = first; n <= last; n += 1) all.push(...factors.map((factor) => factor * 10 ** n));
    return all.filter((value) => value >= from * (1 - 1e-9) && value <= to * (1 + 1e-9));
  };
  const fine = of([1, 2, 5]);
  const values = fine.length > Math.max(2, count) + 1 ? of([1]) : fine;
  if (values.length < 2) return [];
  const every = Math.max(1, Math.ceil(values.length / Math.max(2, count)));
  return values.filter((_, at) => at % every === 0);
}

// Multiples of a step of time between moments in ns since 1970.
const STEPS_OF_TIME = [1, 5, 15, 30, 60, 180, 360, 720, 1440, 2880, 10080, 43200, 525600];
function momentsBetween(from, to, count) {
  const rough = (to - from) / count;
  const step = STEPS_OF_TIME.map((minutes) => minutes * 60e9).find((one) => one >= rough);
  if (!step) return [];
  const all = [];
  for (let n = Math.ceil(from / step); n * step <= to; n += 1) all.push(n * step);
  return all;
}

// Most values of points that are all marked on a logarithmic axis.
const MARKED = 9;

// About `count` marks of an axis. A logarithmic axis with few values of points, such as batches, has
// these instead.
function plotTicks(axis, scale, count, points = []) {
  if (axis.scale === "names") return axis.names.map((text, value) => ({ value, text }));
  const distinct = [...new Set(points)].sort((a, b) => a - b);
  let values = [];
  if (scale.isLog && axis.unit === "1" && distinct.length && distinct.length <= MARKED) values = distinct;
  else if (axis.unit === "time") values = momentsBetween(scale.from, scale.to, count);
  else if (scale.isLog) values = powersBetween(scale.from, scale.to, count);
  const days = values.length && axis.unit === "time" && values.every((one) => one % 86400e9 === 0);
  if (days) return values.map((value) => ({ value, text: plotText(axis, value).slice(0, 5) }));
  if (!values.length) values = ticks(scale.from, scale.to, count, null).map(({ value }) => value);
  return values.map((value) => ({ value, text: plotText(axis, value) }));
}

// Leaves out marks with texts that would overlap, or leave the drawing.
function spacedTicks(marks, place, [left, right]) {
  let free = left;
  return marks.filter(({ value, text: words }) => {
    const half = (words.length * 6.6) / 2;
    const at = place(value);
    if (at - half < free || at + half > right) return false;
    free = at + half + 6;
    return true;
  });
}
