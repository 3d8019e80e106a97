// Accounts of each rail as one bar; negative accounts extend left of zero.

const ANGLES = [45, 0, 135, 90, 20, 160, 70];

// Solid for spans, a distinct pattern for every other account.
function accountFills(defs) {
  return new Map(
    Object.entries(ACCOUNTS).map(([name, hue], at) => [
      name,
      name === "spans" ? HUES[hue] : striped(defs, HUES[hue], ANGLES[at]),
    ]),
  );
}

// Boxes of a rail's accounts: positive ones from zero to the right, negative ones to the left.
function accountBoxes(rail, top, scale, fills) {
  let [to, from] = [0, 0];
  const known = rail.accounts.filter((one) => isKnown(one.energy_j) && one.energy_j !== 0);
  return known.map(({ name, energy_j: energy }) => {
    const begin = energy > 0 ? to : from + energy;
    if (energy > 0) to += energy;
    else from += energy;
    const x = scale(begin);
    const wide = scale(begin + Math.abs(energy)) - x;
    const look = { fill: fills.get(name), class: "bar" };
    const part = percent(shareOf(energy, rail.measured_j));
    const share = `${part} of the rail, ${provenanceWords(rail.provenance)}`;
    const lines = [`${rail.rail}: ${name}`, joules(energy), share];
    const data = { j: energy, account: name, rail: rail.rail };
    const words = `${name} ${joules(energy)}`;
    const style = { class: name === "spans" ? "inside" : "inside plate" };
    const isRead = name === "spans" || wide > 90;
    return [
      mark(rect(x, top, Math.max(0.6, wide), 28, look), lines, data),
      isRead ? label(x + 5, top + 18, wide, words, style) : null,
    ];
  });
}

// A rail's name and total energy: next to its bar, or above it on narrow screens.
function railHead(rail, top, { narrow, left, right }) {
  const name = rail.is_root ? rail.rail : `${rail.rail} in ${rail.parent_rail}`;
  const whole = `${joules(rail.measured_j)} ${rail.provenance || "of unknown provenance"}`;
  if (narrow) {
    return [
      text(left, top - 7, shorten(name, 30), { class: "name" }),
      text(right, top - 7, whole, { "text-anchor": "end", class: "small" }),
    ];
  }
  return [
    text(left - 8, top + 13, shorten(name, 20), { "text-anchor": "end", class: "name" }),
    text(left - 8, top + 27, whole, { "text-anchor": "end", class: "small" }),
  ];
}

charts.balance = (run, width) => {
  const rails = run.accounts.filter((rail) => isKnown(rail.measured_j));
  const narrow = width < 620;
  const [left, right] = [narrow ? 8 : 150, width - 16];
  const height = narrow ? 62 : 46;
  const part = (rail, of) => sum(rail.accounts.map((one) => of(0, one.energy_j || 0)));
  const highest = Math.max(
    ...rails.map((one) => Math.max(part(one, Math.max), one.measured_j)),
    1e-12,
  );
  const below = Math.min(...rails.map((rail) => part(rail, Math.min)));
  // A sum below zero by rounding only does not move the axis.
  const lowest = below < -highest * 1e-3 ? below : 0;
  const scale = linear(lowest, highest, left, right);
  const defs = s("defs");
  const fills = accountFills(defs);
  const bottom = rails.length * height + 6;
  const tops = rails.map((_, at) => at * height + (narrow ? 26 : 8));
  const boxes = rails.flatMap((rail, at) => accountBoxes(rail, tops[at], scale, fills));
  const heads = rails.map((rail, at) => railHead(rail, tops[at], { narrow, left, right }));
  const axis = axisX(ticks(lowest, highest, narrow ? 4 : 8, "J"), scale, bottom, 4);
  const zero = line(scale(0), 2, scale(0), bottom, { class: "zero" });
  const root = drawing(width, bottom + 24, "Accounts of each rail", defs, axis, heads, boxes, zero);
  marks(
    root,
    boxes.map(([box]) => box),
  );
  const keys = Object.keys(ACCOUNTS).map((name) => {
    const own = s("defs");
    return { name, fill: accountFills(own).get(name), defs: own };
  });
  return [root, legend(keys)];
};
