// Components of each phase, stacked: their energies, or their shares of the phase.

// Phases by energy, each with its components in the order of the whole run.
function stacksOf({ phases, components, cells }) {
  const sums = phases.map(() => components.map(() => 0));
  for (const cell of cells) sums[cell.p][cell.c] += cell.j;
  const wholes = components.map((_, c) => sum(sums.map((row) => row[c])));
  const order = [...components.keys()].sort((a, b) => wholes[b] - wholes[a]);
  const rows = phases.map((phase, p) => ({
    phase,
    energy_j: sum(sums[p]),
    parts: order.map((c) => ({ name: components[c], j: sums[p][c] })),
  }));
  return {
    rows: rows.filter((row) => row.energy_j !== 0).sort((a, b) => b.energy_j - a.energy_j),
    used: order.filter((c) => wholes[c] !== 0).map((c) => components[c]),
  };
}

// Boxes of one phase, side by side; negative energies have no width.
function stackBoxes(row, top, scale, { isShare, hues }) {
  const whole = sum(row.parts.map((part) => Math.max(0, part.j)));
  let at = 0;
  return row.parts
    .filter((part) => part.j !== 0)
    .map(({ name, j }) => {
      const size = Math.max(0, j) / (isShare ? whole || 1 : 1);
      const [from, to] = [scale(at), scale(at + size)];
      at += size;
      const look = { fill: hues.get(name), class: "bar" };
      const lines = [`${row.phase}: ${name}`, joules(j), `${percent(j / whole)} of the phase`];
      const data = { j, phase: row.phase, component: name };
      const box = mark(rect(from, top, Math.max(0.4, to - from), 24, look), lines, data);
      return [box, label(from + 4, top + 16, to - from, `${name} ${joules(j)}`, {}, 5)];
    });
}

function stackOf(matrix, width, isShare) {
  const { rows, used } = stacksOf(matrix);
  const hues = distinctColours(used);
  const narrow = width < 620;
  const [left, right] = [narrow ? 8 : 150, width - (narrow ? 8 : 16)];
  const height = narrow ? 54 : 38;
  const highest = isShare ? 1 : Math.max(...rows.map((row) => row.energy_j), 1e-12);
  const scale = linear(0, highest, left, right);
  const bottom = rows.length * height + 4;
  const tops = rows.map((_, at) => at * height + (narrow ? 22 : 6));
  const boxes = rows.flatMap((row, at) => stackBoxes(row, tops[at], scale, { isShare, hues }));
  const heads = rows.map((row, at) => [
    text(narrow ? left : left - 8, tops[at] + (narrow ? -6 : 11), shorten(row.phase, 20), {
      "text-anchor": narrow ? "start" : "end",
      class: "name",
    }),
    text(narrow ? right : left - 8, tops[at] + (narrow ? -6 : 24), joules(row.energy_j), {
      "text-anchor": "end",
      class: "small",
    }),
  ]);
  const marked = isShare
    ? ticks(0, 1, 4, null).map(({ value }) => ({ value, text: `${Math.round(value * 100)} %` }))
    : ticks(0, highest, narrow ? 4 : 8, "J");
  const root = drawing(
    width,
    bottom + 22,
    "Components of each phase",
    axisX(marked, scale, bottom, 2),
    heads,
    boxes,
  );
  marks(
    root,
    boxes.map(([box]) => box),
  );
  return [root, legend(used.map((name) => ({ name, fill: hues.get(name) })))];
}

charts.stack = (run, width) => {
  const place = h("div", {});
  const select = h(
    "select",
    {},
    h("option", { value: "energy" }, "energy"),
    h("option", { value: "share" }, "share of the phase"),
  );
  const draw = () => place.replaceChildren(...stackOf(run.matrix, width, select.value === "share"));
  select.addEventListener("change", draw);
  draw();
  return [h("label", { class: "choose" }, "Lengths are ", select), place];
};
