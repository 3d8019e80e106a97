// Cumulative energy of tokens, and the mean energy of a token up to each of them.

// Sums up to the first token with an unknown energy.
function runningSums(bars) {
  const sums = [];
  let [energy, tokens] = [0, 0];
  for (const bar of bars) {
    if (!isKnown(bar.j)) break;
    energy += bar.j;
    tokens += bar.n;
    sums.push({ bar, energy, tokens, each: energy / tokens });
  }
  return sums;
}

// A line; it is interrupted where `isDrawn` does not hold.
function pathThrough(sums, x, y, isDrawn = () => true) {
  const step = (one, at) => (at && isDrawn(sums[at - 1]) ? "L" : "M");
  const point = (one, at) =>
    isDrawn(one) ? `${step(one, at)}${round(x(one.tokens))} ${round(y(one))}` : "";
  return sums.map(point).join("");
}

// One column a token, so that each can be read; at most one a pixel.
function sumColumns(sums, { x, left, right, bottom, energyY }) {
  const step = Math.max(1, Math.ceil(sums.length / Math.max(1, right - left)));
  const chosen = sums.filter((_, at) => at % step === step - 1 || at === sums.length - 1);
  return chosen.map((one, at) => {
    const from = at ? x(chosen[at - 1].tokens) : left;
    const name = one.bar.n > 1 ? `${one.tokens} tokens` : `up to token ${one.bar.token}`;
    const lines = [name, `${joules(one.energy)} in total`, `${joules(one.each)} per token`];
    const data = { j: one.energy, each: one.each, tokens: one.tokens };
    const look = { fill: "transparent", class: "column" };
    const box = rect(from, 8, Math.max(0.5, x(one.tokens) - from), bottom - 8, look);
    const dot = s("circle", {
      cx: round(x(one.tokens)),
      cy: round(energyY(one)),
      r: 3,
      class: "dot",
    });
    return [mark(box, lines, data), dot];
  });
}

charts.cumulative = (run, width) => {
  const sums = runningSums(run.tokens.bars);
  if (!sums.length) {
    return [h("p", { class: "empty" }, "The energy of the first token is unknown.")];
  }
  const narrow = width < 620;
  const [left, right, bottom] = [58, width - (narrow ? 58 : 70), narrow ? 190 : 240];
  const last = sums[sums.length - 1];
  // The first tokens of a run are few, so that their mean is no measure of the axis.
  const settled = sums.filter((one) => one.tokens > last.tokens * 0.02);
  const highest = Math.max(...settled.map((one) => one.each), 1e-15) * 1.15;
  const x = linear(0, run.tokens.tokens, left, right);
  const energyScale = linear(0, last.energy * 1.06 || 1, bottom, 10);
  const eachScale = linear(0, highest, bottom, 10);
  const energyY = (one) => energyScale(one.energy);
  const eachY = (one) => eachScale(one.each);
  const isInside = (one) => one.each <= highest;
  const columns = sumColumns(sums, { x, left, right, bottom, energyY });
  const below = ticks(0, run.tokens.tokens, narrow ? 4 : 8, null);
  const root = drawing(
    width,
    bottom + 24,
    "Cumulative energy of tokens",
    axisY(ticks(0, last.energy * 1.06, 5, "J"), energyScale, left, right),
    axisX(
      below.filter((one) => Number.isInteger(one.value)),
      x,
      bottom,
      bottom - 4,
    ),
    ticks(0, highest, 4, "J").map((one) =>
      text(right + 6, eachScale(one.value) + 4, one.text, { class: "small" }),
    ),
    s("path", { d: pathThrough(sums, x, eachY, isInside), class: "mean" }),
    s("path", { d: pathThrough(sums, x, energyY), class: "line", stroke: HUES.blue }),
    columns,
  );
  marks(
    root,
    columns.map(([box]) => box),
  );
  const key = [
    { name: `cumulative energy, ${joules(last.energy)} (left)`, fill: HUES.blue, dash: "" },
    {
      name: `energy per token so far, ${joules(last.each)} (right)`,
      fill: "currentColor",
      dash: "6 3",
    },
  ];
  const cut = sums.length < run.tokens.bars.length;
  const note = "The lines end at the first token with an unknown energy.";
  return [root, legend(key), cut ? h("p", { class: "note" }, note) : null];
};
