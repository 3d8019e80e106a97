// The tree of spans as a flamegraph with its roots at the top: zoom, search, keys.

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
  const out = h("button", { type: "button" }, "Go out");
  let at = -1;
  const zoom = (to, focus) => {
    at = to;
    const { all, total } = family(tree);
    const found = search.value.trim().toLowerCase();
    const { root, list, matched } = flameOf(tree, at, width, found, zoom);
    out.disabled = at < 0;
    way.textContent = `${at < 0 ? "all spans" : pathOf(tree, at).join(" > ")}: ${joules(at < 0 ? total : all[at])}${found ? `; found ${joules(matched)}, ${percent(matched / total)} of all` : ""}`;
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

// Energy of the topmost nodes of that name, so that none counts twice.
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

function flameOf(tree, from, width, found, zoom) {
  const { below, all, roots, total } = family(tree);
  const high = 20;
  const whole = from < 0 ? total : all[from];
  const scale = (width - 2) / (whole || 1);
  const [list, nodes, shapes, where] = [[], [], [], new Map()];
  let deepest = 0;
  const path = [];
  for (let node = from; node >= 0; node = tree.parent[node]) path.unshift(node);
  const frame = (node, x, wide, level, extra) => {
    deepest = Math.max(deepest, level);
    const match = isFound(tree, node, found);
    const hue = partColour(tree.names[tree.part[node]]);
    const box = rect(x, level * high, wide - (wide > 3 ? 0.6 : 0), high - 1, {
      fill: match ? "#f2c200" : found ? shade(hue, 0.6) : shade(hue, level % 2 ? 0.22 : 0.08),
      class: match ? "tile found" : "tile",
    });
    where.set(node, list.length);
    list.push(
      mark(box, extra ? [...nodeLines(tree, node), extra] : nodeLines(tree, node), {
        j: all[node],
        node,
        level,
      }),
    );
    nodes.push({ node, level });
    shapes.push(box, label(x + 3, level * high + 14, wide, nodeName(tree, node)));
  };
  path
    .slice(0, -1)
    .forEach((node, level) => frame(node, 1, width - 2, level, "above what is shown"));
  const open = [{ kids: from < 0 ? roots : [from], x: 1, level: Math.max(0, path.length - 1) }];
  while (open.length) {
    const { kids, x: begin, level } = open.pop();
    let x = begin;
    let narrow = null;
    const flush = () => {
      if (narrow) {
        deepest = Math.max(deepest, level);
        const box = rect(narrow.x, level * high, Math.max(0.5, narrow.wide), high - 1, {
          class: "tile narrow",
        });
        list.push(
          mark(
            box,
            [
              `${narrow.count} nodes too narrow to be drawn`,
              joules(narrow.j),
              "zoom in to see them",
            ],
            { j: narrow.j, narrow: narrow.count, level },
          ),
        );
        nodes.push({ node: -1, level });
        shapes.push(box);
      }
      narrow = null;
    };
    for (const kid of kids) {
      const wide = all[kid] * scale;
      if (all[kid] > 0 && wide < 0.8) {
        narrow = narrow || { x, wide: 0, j: 0, count: 0 };
        narrow.wide += wide;
        narrow.j += all[kid];
        narrow.count += 1;
      } else if (all[kid] > 0) {
        flush();
        frame(kid, x, wide, level);
        if (below[kid].length) open.push({ kids: below[kid], x, level: level + 1 });
      }
      x += wide;
    }
    flush();
  }
  const root = drawing(width, (deepest + 1) * high + 2, "Flamegraph of spans", shapes);
  root.setAttribute("data-j", whole);
  marks(root, list, {
    go: (at, key) => flameStep({ tree, list, nodes, where }, at, key),
    act: (at, key) => {
      if (key === "Escape") {
        if (from >= 0) zoom(tree.parent[from], true);
        return;
      }
      if (nodes[at].node >= 0) zoom(nodes[at].node, true);
    },
  });
  return { root, list, matched: found ? matchedIn(tree, found) : 0 };
}

// Up and down the stack, left and right along its level.
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
