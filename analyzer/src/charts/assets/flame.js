// The tree of spans as a flamegraph with its roots at the top, with zoom, search and keys.

charts.flame = (run, width) => {
  const { tree } = run;
  const place = h("div", {});
  const way = h("p", { class: "way", "aria-live": "polite" });
  const search = h("input", {
    type: "search",
    placeholder: "name",
    autocomplete: "off",
    spellcheck: "false",
  });
  const out = h("button", { type: "button" }, "Zoom out");
  let at = -1;
  const zoom = (to, focus) => {
    at = to;
    const { all, total } = family(tree);
    const found = search.value.trim().toLowerCase();
    const { root, list, matched } = flameOf(tree, at, width, found, zoom);
    out.disabled = at < 0;
    const share = found ? `; found ${joules(matched)}, ${percent(matched / total)} of total` : "";
    crumbs(way, tree, at, zoom);
    way.append(`: ${joules(at < 0 ? total : all[at])}${share}`);
    place.replaceChildren(root);
    if (focus && list[0]) list[0].focus();
  };
  out.addEventListener("click", () => zoom(tree.parent[at] ?? -1));
  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => zoom(at), 120);
  });
  zoom(-1);
  return [h("div", { class: "tools" }, h("label", {}, "Find ", search), out), way, place];
};

const isFound = (tree, at, found) =>
  found && tree.names[tree.name[at]].toLowerCase().includes(found);

// Energy of the topmost nodes that match, so that no energy counts twice.
function matchedIn(tree, found) {
  const { all } = family(tree);
  const above = [];
  let matched = 0;
  tree.parent.forEach((parent, at) => {
    const inside = parent >= 0 && above[parent];
    const here = isFound(tree, at, found);
    if (here && !inside) matched += all[at];
    above[at] = inside || here;
  });
  return matched;
}

const FRAME = 20;
const FOUND = "#f2c200";

function frameColour(tree, node, level, found) {
  const hue = partColour(tree.names[tree.part[node]]);
  if (found) return isFound(tree, node, found) ? FOUND : shade(hue, 0.6);
  return shade(hue, level % 2 ? 0.22 : 0.08);
}

// A flamegraph under construction: shapes, marks in order, and the node of each mark.
class Flame {
  constructor(tree, found) {
    Object.assign(this, {
      tree,
      found,
      list: [],
      nodes: [],
      shapes: [],
      where: new Map(),
      deepest: 0,
    });
  }

  add(box, node, level, words) {
    this.deepest = Math.max(this.deepest, level);
    if (node >= 0) this.where.set(node, this.list.length);
    this.list.push(box);
    this.nodes.push({ node, level });
    this.shapes.push(box, words);
  }

  frame(node, x, wide, level, extra) {
    const { tree, found } = this;
    const [y, gap] = [level * FRAME, wide > 3 ? 0.6 : 0];
    const look = {
      fill: frameColour(tree, node, level, found),
      class: isFound(tree, node, found) ? "tile found" : "tile",
    };
    const data = { j: family(tree).all[node], node, level };
    const box = mark(
      rect(x, y, wide - gap, FRAME - 1, look),
      [...nodeLines(tree, node), extra],
      data,
    );
    this.add(box, node, level, label(x + 3, y + 14, wide, nodeName(tree, node), {}, 7));
  }

  // Neighbours that are too narrow for separate frames.
  narrow({ x, wide, j, count }, level) {
    const look = { class: "tile narrow" };
    const lines = [`${count} call paths too narrow to draw`, joules(j), "zoom in to see them"];
    const box = rect(x, level * FRAME, Math.max(0.5, wide), FRAME - 1, look);
    this.add(mark(box, lines, { j, narrow: count, level }), -1, level, null);
  }

  // Draws siblings in a row; returns those with children.
  row(kids, begin, level, scale) {
    const { all, below } = family(this.tree);
    const open = [];
    let [x, few] = [begin, null];
    for (const kid of kids.filter((one) => all[one] > 0)) {
      const wide = all[kid] * scale;
      if (wide < 0.8) {
        few = few || { x, wide: 0, j: 0, count: 0 };
        few = { ...few, wide: few.wide + wide, j: few.j + all[kid], count: few.count + 1 };
      } else {
        if (few) this.narrow(few, level);
        few = null;
        this.frame(kid, x, wide, level);
        if (below[kid].length) open.push({ kids: below[kid], x, level: level + 1 });
      }
      x += wide;
    }
    if (few) this.narrow(few, level);
    return open;
  }
}

function flameOf(tree, from, width, found, zoom) {
  const { all, roots, total } = family(tree);
  const whole = from < 0 ? total : all[from];
  const scale = (width - 2) / (whole || 1);
  const flame = new Flame(tree, found);
  const path = [];
  for (let node = from; node >= 0; node = tree.parent[node]) path.unshift(node);
  path.pop();
  path.forEach((node, level) => flame.frame(node, 1, width - 2, level, "ancestor of the view"));
  const open = [{ kids: from < 0 ? roots : [from], x: 1, level: path.length }];
  while (open.length) {
    const { kids, x, level } = open.pop();
    open.push(...flame.row(kids, x, level, scale));
  }
  const { list, nodes, shapes, deepest } = flame;
  const root = drawing(width, (deepest + 1) * FRAME + 2, "Flamegraph of spans", shapes);
  root.setAttribute("data-j", whole);
  const act = (at, key) => {
    if (key !== "Escape") {
      if (nodes[at].node >= 0) zoom(nodes[at].node, true);
    } else if (from >= 0) zoom(tree.parent[from], true);
  };
  marks(root, list, { go: (at, key) => flameStep(flame, at, key), act });
  return { root, list, matched: found ? matchedIn(tree, found) : 0 };
}

// Moves up and down the stack, left and right along its level.
function flameStep({ tree, list, nodes, where }, at, key) {
  const { node, level } = nodes[at];
  if (key === "ArrowUp") return node >= 0 ? where.get(tree.parent[node]) : undefined;
  if (key === "ArrowDown")
    return nodes.findIndex(
      (one) => one.node >= 0 && tree.parent[one.node] === node && one.level === level + 1,
    );
  const x = (one) => Number(list[one].getAttribute("x"));
  const row = nodes
    .map((one, no) => no)
    .filter((no) => nodes[no].level === level)
    .sort((a, b) => x(a) - x(b));
  return row[row.indexOf(at) + (key === "ArrowRight" ? 1 : -1)];
}
