// Accounts of each rail as one bar; what is below zero stands left of zero.

charts.balance = (run, width) => {
  const rails = run.accounts.filter((rail) => isKnown(rail.measured_j));
  const defs = s("defs");
  const patterns = new Map(
    Object.entries(ACCOUNTS).map(([name, hue], at) => [
      name,
      name === "spans" ? HUES[hue] : striped(defs, HUES[hue], [45, 0, 135, 90, 20, 160][at]),
    ]),
  );
  const narrow = width < 620;
  const left = narrow ? 8 : 150;
  const height = narrow ? 62 : 46;
  const right = width - 16;
  const below = (rail) => sum(rail.accounts.map((one) => Math.min(0, one.energy_j || 0)));
  const above = (rail) => sum(rail.accounts.map((one) => Math.max(0, one.energy_j || 0)));
  const highest = Math.max(...rails.map((rail) => Math.max(above(rail), rail.measured_j)), 1e-12);
  const lowest = Math.min(0, ...rails.map(below));
  const scale = linear(lowest < -highest * 1e-3 ? lowest : 0, highest, left, right);
  const bottom = rails.length * height + 6;
  const list = [];
  const bars = rails.map((rail, at) => {
    const top = at * height + (narrow ? 26 : 8);
    let [to, from] = [0, 0];
    const parts = rail.accounts.map(({ name, energy_j: energy }) => {
      if (!isKnown(energy) || energy === 0) return null;
      const begin = energy > 0 ? to : from + energy;
      if (energy > 0) to += energy;
      else from += energy;
      const box = rect(
        scale(begin),
        top,
        Math.max(0.6, scale(begin + Math.abs(energy)) - scale(begin)),
        28,
        { fill: patterns.get(name), class: "bar" },
      );
      list.push(
        mark(
          box,
          [
            `${rail.rail}: ${name}`,
            joules(energy),
            `${percent(energy / rail.measured_j)} of what was ${rail.provenance}`,
          ],
          { j: energy, account: name, rail: rail.rail },
        ),
      );
      const wide = scale(begin + Math.abs(energy)) - scale(begin);
      return [
        box,
        name === "spans" || wide > 90
          ? label(scale(begin) + 5, top + 18, wide, `${name} ${joules(energy)}`, {
              class: name === "spans" ? "inside" : "inside plate",
            })
          : null,
      ];
    });
    const kept = rail.is_root ? "" : ` in ${rail.part_of}`;
    const name = text(
      narrow ? left : left - 8,
      narrow ? top - 7 : top + 13,
      shorten(`${rail.rail}${kept}`, narrow ? 30 : 20),
      { "text-anchor": narrow ? "start" : "end", class: "name" },
    );
    const whole = text(
      narrow ? right : left - 8,
      narrow ? top - 7 : top + 27,
      `${joules(rail.measured_j)} ${rail.provenance}`,
      { "text-anchor": "end", class: "small" },
    );
    return [name, whole, parts];
  });
  const axis = axisX(
    ticks(lowest < -highest * 1e-3 ? lowest : 0, highest, narrow ? 4 : 8, "J"),
    scale,
    bottom,
    4,
  );
  const zero = line(scale(0), 2, scale(0), bottom, { class: "zero" });
  const root = drawing(width, bottom + 24, "Accounts of each rail", defs, axis, bars, zero);
  marks(root, list);
  const swatches = Object.entries(ACCOUNTS).map(([name, hue], at) => {
    const own = s("defs");
    const colour =
      name === "spans" ? HUES[hue] : striped(own, HUES[hue], [45, 0, 135, 90, 20, 160][at]);
    return { name, fill: colour, defs: own };
  });
  return [root, legend(swatches)];
};
