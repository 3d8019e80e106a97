// The tree of spans as areas, squarified (Bruls, Huizing and van Wijk 2000).

// Children and sums of a tree, computed once; negative amounts have no area or width.
const trees = new WeakMap();
function family(tree) {
  if (trees.has(tree)) return trees.get(tree);
  const below = tree.parent.map(() => []);
  const all = tree.self_j.map((own) => Math.max(0, own));
  const roots = [];
  for (let at = tree.parent.length - 1; at >= 0; at -= 1) {
    const above = tree.parent[at];
    if (above < 0) roots.unshift(at);
    else {
      all[above] += all[at];
      below[above].unshift(at);
    }
  }
  const made = { below, all, roots, total: sum(roots.map((at) => all[at])) };
  trees.set(tree, made);
  return made;
}

const nodeName = (tree, at) =>
  `${tree.names[tree.name[at]]}${tree.merged[at] ? ` ${tree.merged[at]} small nodes` : ""}`;
function pathOf(tree, at) {
  const names = [];
  for (let node = at; node >= 0; node = tree.parent[node]) names.unshift(nodeName(tree, node));
  return names;
}
function nodeLines(tree, at) {
  const { all, total } = family(tree);
  const path = pathOf(tree, at);
  return [
    path[path.length - 1],
    `${joules(all[at])} inclusive, ${percent(all[at] / total)}`,
    `self ${joules(tree.self_j[at])}, ${interval(tree.lo[at], tree.hi[at])}`,
    tree.counts[at] ? `count ${tree.counts[at]}` : "",
    path.length > 1 ? `in ${shorten(path.slice(0, -1).join(" > "), 120)}` : "",
  ];
}

// The path to a node as buttons that zoom out to each of its ancestors.
function crumbs(way, tree, at, zoom) {
  const path = [-1];
  for (let node = at; node >= 0; node = tree.parent[node]) path.splice(1, 0, node);
  const name = (node) => (node < 0 ? "all spans" : shorten(nodeName(tree, node), 40));
  const crumb = (node, no) => {
    if (no === path.length - 1) return h("strong", { "data-node": node }, name(node));
    const button = h("button", { type: "button", class: "crumb", "data-node": node }, name(node));
    button.addEventListener("click", () => zoom(node, true));
    return button;
  };
  way.replaceChildren(...path.flatMap((node, no) => [no ? " > " : "", crumb(node, no)]));
}

// Lays out amounts, largest first, in a box, in rows as near to squares as possible.
function squarify(items, box) {
  const boxes = [];
  let { x, y, w, hgt } = box;
  let left = sum(items.map((item) => item.j));
  let at = 0;
  while (at < items.length && w > 0 && hgt > 0 && left > 0) {
    const side = Math.min(w, hgt);
    const scale = (w * hgt) / left;
    let [row, area, worst] = [0, 0, Infinity];
    while (at + row < items.length) {
      const next = area + items[at + row].j * scale;
      const [most, least] = [items[at].j * scale, items[at + row].j * scale];
      const ratio = Math.max(
        (side * side * most) / (next * next),
        (next * next) / (side * side * least),
      );
      if (row && !(ratio <= worst)) break;
      [area, worst, row] = [next, ratio, row + 1];
    }
    const thick = area / side;
    let along = 0;
    for (const item of items.slice(at, at + row)) {
      const long = (item.j * scale) / thick;
      boxes.push(
        w >= hgt
          ? { item, x, y: y + along, w: thick, hgt: long }
          : { item, x: x + along, y, w: long, hgt: thick },
      );
      along += long;
    }
    if (w >= hgt) {
      x += thick;
      w -= thick;
    } else {
      y += thick;
      hgt -= thick;
    }
    left -= sum(items.slice(at, at + row).map((item) => item.j));
    at += row;
  }
  return boxes;
}

charts.treemap = (run, width) => {
  const { tree } = run;
  const place = h("div", {});
  const way = h("p", { class: "way", "aria-live": "polite" });
  let at = -1;
  const zoom = (to, focus) => {
    at = to;
    crumbs(way, tree, at, zoom);
    const [root, list] = treemapOf(tree, at, width, zoom);
    place.replaceChildren(root);
    if (focus && list[0]) list[0].focus();
  };
  zoom(-1);
  const parts = new Map();
  tree.part.forEach((part, node) =>
    parts.set(
      tree.names[part],
      (parts.get(tree.names[part]) || 0) + Math.max(0, tree.self_j[node]),
    ),
  );
  const large = [...parts].sort((a, b) => b[1] - a[1]).slice(0, 9);
  return [
    way,
    place,
    legend(
      large.map(([name, energy]) => ({
        name: `${name} ${joules(energy)}`,
        fill: partColour(name),
      })),
    ),
  ];
};

function treemapOf(tree, from, width, zoom) {
  const { below, all, roots, total } = family(tree);
  const height = Math.round(Math.max(300, Math.min(560, width * 0.5)));
  const [list, nodes, shapes] = [[], [], []];
  const fit = (node, box, level) => {
    const own = node >= 0 ? Math.max(0, tree.self_j[node]) : 0;
    const kids = (node < 0 ? roots : below[node])
      .filter((kid) => all[kid] > 0)
      .map((kid) => ({ node: kid, j: all[kid] }));
    if (kids.length && own > 0) kids.push({ node, j: own, own: true });
    kids.sort((a, b) => b.j - a.j);
    // Neighbours of the same part differ in lightness.
    const ofPart = new Map();
    for (const { item, x, y, w, hgt } of squarify(kids, box)) {
      if (w * hgt < 6) continue;
      const hue = partColour(tree.names[tree.part[item.node]]);
      const before = ofPart.get(hue) || 0;
      ofPart.set(hue, before + 1);
      const colours = [shade(hue, 0.45), shade(hue, (level % 2) * 0.12 + (before % 3) * 0.18)];
      tile(item, { x, y, w, hgt }, level, colours);
    }
  };
  const tile = (item, { x, y, w, hgt }, level, [frame, colour]) => {
    const { node } = item;
    const inner = !item.own && below[node].length && w > 14 && hgt > 14;
    const strip = inner && hgt > 34 && w > 46 ? 16 : 2;
    const box = rect(x, y, w, hgt, {
      fill: inner ? frame : colour,
      class: "tile",
    });
    const lines = nodeLines(tree, node);
    if (item.own) lines[0] += " (own)";
    list.push(mark(box, lines, { j: item.j, node, own: item.own ? 1 : null, level }));
    nodes.push(item.own ? -1 : node);
    shapes.push(box);
    if (inner) {
      if (strip === 16)
        shapes.push(label(x + 4, y + 12, w, `${nodeName(tree, node)} ${joules(item.j)}`));
      fit(node, { x: x + 2, y: y + strip, w: w - 4, hgt: hgt - strip - 2 }, level + 1);
    } else if (hgt > 15) {
      const name = item.own ? "(own)" : nodeName(tree, node);
      shapes.push(label(x + 4, y + 13, w, name));
      if (hgt > 30) shapes.push(label(x + 4, y + 27, w, joules(item.j), {}, 9));
    }
  };
  fit(from, { x: 1, y: 1, w: width - 2, hgt: height - 2 }, 0);
  const root = drawing(width, height, "Treemap of spans", shapes);
  root.setAttribute("data-j", from < 0 ? total : all[from]);
  marks(root, list, {
    act: (at, key) => {
      if (key === "Escape") {
        if (from >= 0) zoom(tree.parent[from], true);
        return;
      }
      const node = nodes[at];
      if (node >= 0 && below[node].length) zoom(node, true);
    },
  });
  if (from >= 0) {
    const back = h("button", { type: "button" }, "Zoom out");
    back.addEventListener("click", () => zoom(tree.parent[from], true));
    return [h("div", {}, back, root), list];
  }
  return [root, list];
}
