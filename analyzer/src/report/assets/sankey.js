// Energy from rails by phases and parts to operations.

charts.sankey = (run, given) => {
  const { flows } = run;
  // Narrower it could not be read: it scrolls by itself.
  const width = Math.max(given, 680);
  const positive = (value) => Math.max(0, value);
  const columns = [0, 1, 2, 3].map((level) =>
    flows.nodes
      .map((node, at) => ({ ...node, at, j: positive(node.energy_j) }))
      .filter((node) => node.level === level && node.j > 0),
  );
  const parts = [...columns[2]].sort((a, b) => b.j - a.j).map((node) => node.name);
  columns.forEach((column, level) =>
    column.sort(
      (a, b) => (level === 3 ? parts.indexOf(a.part) - parts.indexOf(b.part) : 0) || b.j - a.j,
    ),
  );
  const used = columns.filter((column) => column.length);
  const most = Math.max(...used.map((column) => column.length));
  const height = Math.max(320, Math.min(720, most * 26));
  const gap = Math.min(13, (height * 0.45) / most);
  const scale = (height - gap * (most - 1) - 26) / positive(flows.energy_j);
  const margin = 4;
  const thick = 14;
  const space = (width - 2 * margin - thick - 160) / (used.length - 1 || 1);
  const places = new Map();
  used.forEach((column, col) => {
    const whole = sum(column.map((node) => node.j)) * scale + gap * (column.length - 1);
    let y = 22 + (height - 26 - whole) / 2;
    for (const node of column) {
      places.set(node.at, { node, x: margin + col * space, y, hgt: node.j * scale, out: y, in: y });
      y += node.j * scale + gap;
    }
  });
  const colour = ({ node }) =>
    node.level >= 2
      ? partColour(node.part)
      : node.level
        ? phaseColour(
            run.phases.map((phase) => phase.phase),
            node.name,
          )
        : railColour(run.accounts.findIndex((rail) => rail.rail === node.name));
  const list = [];
  const nodeLabel = ({ node }) => (node.of > 1 ? `(${node.of} others)` : node.name);
  const links = flows.links
    .filter((link) => link.energy_j > 0 && places.has(link.from) && places.has(link.to))
    .map((link) => ({ ...link, a: places.get(link.from), b: places.get(link.to) }))
    .sort((p, q) => p.a.y - q.a.y || p.b.y - q.b.y);
  for (const link of links) {
    link.y0 = link.a.out;
    link.a.out += link.energy_j * scale;
  }
  for (const link of [...links].sort((p, q) => p.b.y - q.b.y || p.a.y - q.a.y)) {
    link.y1 = link.b.in;
    link.b.in += link.energy_j * scale;
  }
  const ribbons = links.map((link) => {
    const hgt = Math.max(0.5, link.energy_j * scale);
    const [x0, x1] = [link.a.x + thick, link.b.x];
    const middle = (x0 + x1) / 2;
    const path = s("path", {
      d: `M${round(x0)} ${round(link.y0)}C${round(middle)} ${round(link.y0)} ${round(middle)} ${round(link.y1)} ${round(x1)} ${round(link.y1)}v${round(hgt)}C${round(middle)} ${round(link.y1 + hgt)} ${round(middle)} ${round(link.y0 + hgt)} ${round(x0)} ${round(link.y0 + hgt)}Z`,
      fill: colour(link.b.node.level >= 2 ? link.b : link.a),
      class: "ribbon",
    });
    list.push(
      mark(
        path,
        [
          `${nodeLabel(link.a)} to ${nodeLabel(link.b)}`,
          joules(link.energy_j),
          `${percent(link.energy_j / flows.energy_j)} of the ledger`,
        ],
        { j: link.energy_j, from: link.from, to: link.to, level: link.a.node.level },
      ),
    );
    return path;
  });
  const boxes = [...places.values()].map((at) => {
    const box = rect(at.x, at.y, thick, Math.max(1, at.hgt), { fill: colour(at), class: "bar" });
    list.push(
      mark(
        box,
        [
          nodeLabel(at),
          joules(at.node.energy_j),
          `${percent(at.node.energy_j / flows.energy_j)} of the ledger`,
          at.node.of > 1 ? `${at.node.of} names taken together` : "",
        ],
        { j: at.node.energy_j, level: at.node.level, node: at.node.at },
      ),
    );
    const room = Math.floor(
      (at.node.level === used.length - 1 ? 156 : space - thick - 10) / LETTER,
    );
    const words = `${nodeLabel(at)} ${joules(at.node.energy_j)}`;
    return [
      box,
      at.hgt + gap > 11
        ? text(at.x + thick + 5, at.y + at.hgt / 2 + 4, shorten(words, room), {
            class: "small over",
            "aria-hidden": "true",
          })
        : null,
    ];
  });
  const heads = ["rails", "phases", "parts", "operations"]
    .filter((_, level) => columns[level].length)
    .map((name, col) => text(margin + col * space, 12, name, { class: "name" }));
  const root = drawing(width, height, "Energy from rails to operations", heads, ribbons, boxes);
  root.setAttribute("data-j", flows.energy_j);
  marks(root, list);
  return [
    width > given
      ? h(
          "div",
          {
            class: "scroll",
            tabindex: 0,
            role: "region",
            "aria-label": "Flows, wider than the page",
          },
          root,
        )
      : root,
  ];
};
