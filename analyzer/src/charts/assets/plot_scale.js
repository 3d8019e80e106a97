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

// Powers of ten, or of two if there are few of them.
function powersBetween(from, to, count) {
  const of = (base) => {
    const all = [];
    const log = (value) => Math.log(value) / Math.log(base);
    for (let n = Math.ceil(log(from) - 1e-9); n <= log(to) + 1e-9; n += 1) all.push(base ** n);
    return all;
  };
  const tens = of(10);
  const values = tens.length > 2 ? tens : of(2);
  const every = Math.max(1, Math.ceil(values.length / Math.max(1, count)));
  return values.filter((_, at) => at % every === 0);
}

// About `count` marks of an axis.
function plotTicks(axis, scale, count) {
  if (axis.scale === "names") return axis.names.map((text, value) => ({ value, text }));
  const powers = scale.isLog ? powersBetween(scale.from, scale.to, count) : [];
  const values = powers.length
    ? powers
    : ticks(scale.from, scale.to, count, null).map(({ value }) => value);
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
