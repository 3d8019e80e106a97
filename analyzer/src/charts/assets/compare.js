// Comparison of several runs or groups: runs, phases, and ratios to the first one.

charts.compare = (_, width, across) => [
  h("h3", {}, `Runs, ${across.unit}`),
  ...comparedRuns(across, width),
  across.phases.length ? h("h3", {}, `Phases, ${across.unit}`) : null,
  ...(across.phases.length ? comparedPhases(across, width) : []),
  across.ratios.some((one) => isKnown(one.ratio)) ? h("h3", {}, "Ratios to A") : null,
  ...comparedRatios(across, width),
];

const SIDES = ["blue", "orange", "green", "purple"];
const sideColour = (across, labelOf) =>
  HUES[SIDES[across.sides.findIndex((side) => side.label === labelOf)]];
const SHAPES = [
  "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
  "M-5 -5h10v10h-10z",
  "M0 -6l6 11h-12z",
  "M0 -6l6 6l-6 6l-6 -6z",
];
const dot = (x, y, at, colour) =>
  s("path", {
    d: SHAPES[at],
    transform: `translate(${round(x)} ${round(y)})`,
    fill: colour,
    class: "bar",
  });

// Most runs that are drawn.
const RUNS_DRAWN = 80;

// Dots have no length, so their axis need not start at zero.
function rangeOf(ends) {
  const [lo, hi] = [Math.min(...ends), Math.max(...ends)];
  const room = (hi - lo) * 0.12 || Math.abs(hi) * 0.05 || 1e-12;
  return lo > 0 && lo < hi * 0.5 ? [0, hi + room] : [lo - room, hi + room];
}

function comparedRuns(across, width) {
  const narrow = width < 620;
  const [left, right] = [narrow ? 8 : 190, width - (narrow ? 74 : 90)];
  const rows = across.sides
    .flatMap((side, no) => side.runs.map((run, at) => ({ side, run, no, first: !at })))
    .slice(0, RUNS_DRAWN);
  const all = sum(across.sides.map((side) => side.runs.length));
  const ends = rows.flatMap(({ run }) => [run.energy_j, run.lo_j, run.hi_j]).filter(isKnown);
  const [from, to] = rangeOf(ends.length ? ends : [0]);
  const scale = linear(from, to, left, right);
  let y = 0;
  const list = [];
  const drawn = rows.map(({ side, run, no, first }) => {
    if (first) y += 26;
    const title = first
      ? text(0, y, shorten(`${side.label}: ${side.name}`, narrow ? 40 : 60), { class: "name" })
      : null;
    y += narrow ? 32 : 20;
    const name = text(
      narrow ? left : left - 10,
      narrow ? y - 11 : y + 4,
      shorten(run.run, narrow ? 40 : 26),
      { class: "small", "text-anchor": narrow ? "start" : "end" },
    );
    const value = text(right + 10, y + 4, joules(run.energy_j), { class: "small" });
    if (!isKnown(run.energy_j)) return [title, name, value];
    const shape = dot(scale(run.energy_j), y, no, sideColour(across, side.label));
    list.push(
      mark(
        shape,
        [`${side.label}: ${run.run}`, joules(run.energy_j), interval(run.lo_j, run.hi_j)],
        { j: run.energy_j, lo: run.lo_j, hi: run.hi_j, side: side.label },
      ),
    );
    return [
      title,
      name,
      value,
      line(left, y, right, y, { class: "grid" }),
      whiskerX(scale, run.lo_j, run.hi_j, y),
      shape,
    ];
  });
  const root = drawing(
    width,
    y + 38,
    "Energy of runs",
    axisX(ticks(from, to, narrow ? 3 : 7, "J"), scale, y + 14, 6),
    drawn,
  );
  marks(root, list);
  const notes = [
    from > 0 ? "This axis does not start at zero." : "",
    all > rows.length ? `The first ${rows.length} of ${all} runs are drawn.` : "",
  ];
  return [root, notes.some(Boolean) ? h("p", { class: "note" }, notes.join(" ")) : null];
}

function comparedPhases(across, width) {
  const phases = across.phases.filter((phase) => phase.energy_j.some(isKnown));
  const narrow = width < 620;
  const [left, right] = [narrow ? 8 : 150, width - (narrow ? 90 : 110)];
  const sides = across.sides.length;
  const block = sides * 16 + (narrow ? 26 : 12);
  const highest = Math.max(
    ...phases.flatMap((phase) => phase.energy_j.map((one) => one || 0)),
    1e-15,
  );
  const scale = linear(0, highest, left, right);
  const list = [];
  const drawn = phases.map((phase, at) => [
    text(narrow ? left : left - 8, at * block + (narrow ? 14 : 16), shorten(phase.phase, 20), {
      "text-anchor": narrow ? "start" : "end",
      class: "name",
    }),
    phase.energy_j.map((energy, no) => {
      const y = at * block + no * 16 + (narrow ? 20 : 4);
      const { label: labelOf } = across.sides[no];
      const words = text(
        (isKnown(energy) ? scale(energy) : left) + 6,
        y + 12,
        `${labelOf} ${joules(energy)}`,
        { class: "small" },
      );
      if (!isKnown(energy)) return words;
      const box = rect(left, y, Math.max(0.6, scale(energy) - left), 14, {
        fill: sideColour(across, labelOf),
        class: "bar",
      });
      list.push(
        mark(box, [`${phase.phase}, ${labelOf}`, joules(energy)], {
          j: energy,
          side: labelOf,
          name: phase.phase,
        }),
      );
      return [box, words];
    }),
  ]);
  const bottom = phases.length * block;
  const root = drawing(
    width,
    bottom + 22,
    "Phases of each side",
    axisX(ticks(0, highest, narrow ? 4 : 7, "J"), scale, bottom, 2),
    drawn,
  );
  marks(root, list);
  return [root];
}

function comparedRatios(across, width) {
  const rows = across.ratios.filter((one) => isKnown(one.ratio));
  if (!rows.length) return [];
  const narrow = width < 620;
  const height = narrow ? 40 : 26;
  const [left, right] = [narrow ? 8 : 290, width - (narrow ? 10 : 180)];
  // Each ratio is inside of the axis; intervals may reach beyond it.
  const farOf = (values) =>
    Math.max(0.02, ...values.filter((one) => one > 0).map((one) => Math.abs(Math.log(one))));
  const intervals = farOf(rows.flatMap((one) => [one.lo, one.hi]));
  const far = Math.max(farOf(rows.map((one) => one.ratio)), Math.min(1.5, intervals)) * 1.1;
  const scale = (ratio) => linear(-far, far, left, right)(Math.log(Math.max(ratio, 1e-9)));
  const list = [];
  const drawn = rows.map((one, at) => {
    const y = at * height + (narrow ? 30 : 16);
    const no = across.sides.findIndex((side) => side.label === one.side);
    const shape = dot(scale(one.ratio), y, no, sideColour(across, one.side));
    const name = `${one.side}: ${one.of === "total" ? "total" : one.name}`;
    list.push(
      mark(
        shape,
        [
          name,
          `ratio to A ${digits(one.ratio)}`,
          isKnown(one.lo) ? `interval ${bounds(one.lo, one.hi, digits)}` : "interval unknown",
          isKnown(one.p) ? `p ${digits(one.p)}` : "",
          one.verdict,
        ],
        { ratio: one.ratio, lo: one.lo, hi: one.hi, verdict: one.verdict, of: one.of },
      ),
    );
    return [
      text(narrow ? left : left - 10, narrow ? y - 14 : y + 4, shorten(name, narrow ? 36 : 40), {
        "text-anchor": narrow ? "start" : "end",
        class: one.of === "total" ? "name" : "small",
      }),
      narrow
        ? null
        : text(
            right + 10,
            y + 4,
            shorten(`${digits(one.ratio)} ${one.verdict.replace(/ \(.*/, "")}`, 28),
            { class: "small" },
          ),
      whiskerX(scale, one.lo, one.hi, y, 5, [left, right]),
      shape,
    ];
  });
  const bottom = rows.length * height + 8;
  const spots = [Math.exp(-far), Math.exp(-far / 2), 1, Math.exp(far / 2), Math.exp(far)].map(
    (value) => ({ value, text: digits(value) }),
  );
  const root = drawing(
    width,
    bottom + 22,
    "Ratios to A",
    axisX(spots, scale, bottom, 2),
    line(scale(1), 2, scale(1), bottom, { class: "zero" }),
    drawn,
  );
  marks(root, list);
  return [root];
}
