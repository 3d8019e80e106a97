// Phases as bars: idle energy hatched, active energy solid, the interval as a whisker.

charts.phases = (run, width) => {
  const phases = run.phases.filter((phase) => isKnown(phase.energy_j));
  const names = run.heads;
  const narrow = width < 620;
  const left = narrow ? 8 : 150;
  const height = narrow ? 48 : 34;
  const right = width - (narrow ? 12 : 120);
  const highest = Math.max(
    ...phases.map((phase) => Math.max(phase.energy_j, phase.hi_j || 0)),
    1e-12,
  );
  const scale = linear(0, highest, left, right);
  const defs = s("defs");
  const bottom = phases.length * height + 4;
  const list = [];
  const bars = phases.map((phase, at) => {
    const top = at * height + (narrow ? 20 : 6);
    const colour = phaseColour(names, phase.phase);
    const box = rect(left, top, Math.max(0.6, scale(phase.energy_j) - left), 22, {
      fill: colour,
      class: "bar",
    });
    list.push(
      mark(
        box,
        [
          phase.phase,
          joules(phase.energy_j),
          interval(phase.lo_j, phase.hi_j, phase.coverage),
          `idle ${joules(phase.idle_j)}, active ${joules(phase.active_j)}`,
          `${seconds(phase.duration_ns)}, ${watts(phase.avg_w)} on average`,
          phase.basis ? `basis ${phase.basis}` : "",
        ],
        { j: phase.energy_j, lo: phase.lo_j, hi: phase.hi_j, name: phase.phase },
      ),
    );
    const idle =
      isKnown(phase.idle_j) && phase.idle_j > 0
        ? rect(left, top, scale(Math.min(phase.idle_j, phase.energy_j)) - left, 22, {
            fill: striped(defs, colour, 45),
            class: "bar through",
          })
        : null;
    const end = Math.max(scale(phase.energy_j), isKnown(phase.hi_j) ? scale(phase.hi_j) : 0);
    const value = `${joules(phase.energy_j)} · ${percent(phase.share)}`;
    return [
      box,
      idle,
      whiskerX(scale, phase.lo_j, phase.hi_j, top + 11),
      text(narrow ? left : left - 8, narrow ? top - 5 : top + 15, shorten(phase.phase, 20), {
        "text-anchor": narrow ? "start" : "end",
        class: "name",
      }),
      narrow
        ? text(width - 12, top - 5, value, { "text-anchor": "end", class: "small" })
        : text(end + 8, top + 15, value, { class: "small" }),
    ];
  });
  const axis = axisX(ticks(0, highest, narrow ? 4 : 7, "J"), scale, bottom, 2);
  const root = drawing(width, bottom + 22, "Energy of phases", defs, axis, bars);
  marks(root, list);
  return [root];
};
