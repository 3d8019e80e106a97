// Energy from rails by phases and parts to operations.

const STOP = 14;
const STOPS_BEGIN = 22;
const NAMES_END = 160;

// Nodes by column: operations of the same part adjacent, the largest first.
function stopsOf(flows) {
  const columns = [0, 1, 2, 3].map((level) =>
    flows.nodes
      .map((node, at) => ({ ...node, at, j: Math.max(0, node.energy_j) }))
      .filter((node) => node.level === level && node.j > 0),
  );
  columns.forEach((column) => column.sort((a, b) => b.j - a.j));
  const parts = columns[2].map((node) => node.name);
  columns[3].sort((a, b) => parts.indexOf(a.part) - parts.indexOf(b.part) || b.j - a.j);
  return columns.filter((column) => column.length);
}

// Position of each node, by number.
function placesOf(columns, width, height, scale, gap) {
  const space = (width - 8 - STOP - NAMES_END) / (columns.length - 1 || 1);
  const places = new Map();
  columns.forEach((column, col) => {
    const whole = sum(column.map((node) => node.j)) * scale + gap * (column.length - 1);
    let y = STOPS_BEGIN + (height - STOPS_BEGIN - 4 - whole) / 2;
    for (const node of column) {
      const hgt = node.j * scale;
      places.set(node.at, { node, x: 4 + col * space, y, hgt, out: y, in: y });
      y += hgt + gap;
    }
  });
  return { places, space };
}

// Flows with both ends, stacked at each node in the order of the opposite ends.
function linksOf(flows, places, scale) {
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
  return links;
}

function stopColour(run, { node }) {
  if (node.level >= 2) return partColour(node.part);
  if (node.level === 0)
    return railColour(run.accounts.findIndex((rail) => rail.rail === node.name));
  const phases = run.heads;
  return phaseColour(phases, node.name);
}

const stopName = ({ node }) => (node.of > 1 ? `(${node.of} others)` : node.name);

function ribbon(run, link, scale) {
  const high = round(Math.max(0.5, link.energy_j * scale));
  const [x0, x1, y0, y1] = [link.a.x + STOP, link.b.x, link.y0, link.y1].map(round);
  const middle = round((x0 + x1) / 2);
  const there = `M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}v${high}`;
  const back = `C${middle} ${y1 + high} ${middle} ${y0 + high} ${x0} ${y0 + high}Z`;
  const fill = stopColour(run, link.b.node.level >= 2 ? link.b : link.a);
  const share = percent(link.energy_j / run.flows.energy_j);
  return mark(
    s("path", { d: there + back, fill, class: "ribbon" }),
    [`${stopName(link.a)} to ${stopName(link.b)}`, joules(link.energy_j), `${share} of the ledger`],
    { j: link.energy_j, from: link.from, to: link.to, level: link.a.node.level },
  );
}

function stopBox(run, place) {
  const { node, x, y, hgt } = place;
  const fill = stopColour(run, place);
  const share = percent(node.energy_j / run.flows.energy_j);
  return mark(
    rect(x, y, STOP, Math.max(1, hgt), { fill, class: "bar" }),
    [
      stopName(place),
      joules(node.energy_j),
      `${share} of the ledger`,
      node.of > 1 ? `${node.of} names merged` : "",
    ],
    { j: node.energy_j, level: node.level, node: node.at },
  );
}

charts.sankey = (run, given) => {
  const { flows } = run;
  // A minimum width for legibility; below it the chart scrolls.
  const width = Math.max(given, 680);
  const columns = stopsOf(flows);
  const most = Math.max(...columns.map((column) => column.length));
  const height = Math.max(320, Math.min(720, most * 26));
  const gap = Math.min(13, (height * 0.45) / most);
  const whole = Math.max(...columns.map((column) => sum(column.map((node) => node.j))));
  const scale = (height - gap * (most - 1) - STOPS_BEGIN - 4) / whole;
  const { places, space } = placesOf(columns, width, height, scale, gap);
  const ribbons = linksOf(flows, places, scale).map((link) => ribbon(run, link, scale));
  const stops = [...places.values()];
  const boxes = stops.map((place) => stopBox(run, place));
  const words = stops.map((place) => {
    const isLast = place.node.level === columns[columns.length - 1][0].level;
    const room = Math.floor((isLast ? NAMES_END - 4 : space - STOP - 10) / LETTER);
    const name = shorten(`${stopName(place)} ${joules(place.node.energy_j)}`, room);
    const isFree = place.hgt + gap > 11;
    const style = { class: "small over", "aria-hidden": "true" };
    return isFree ? text(place.x + STOP + 5, place.y + place.hgt / 2 + 4, name, style) : null;
  });
  const titles = ["rails", run.heads_are, "parts", "operations"];
  const heads = columns.map((column, col) =>
    text(4 + col * space, 12, titles[column[0].level], { class: "name" }),
  );
  const label = "Energy from rails to operations";
  const root = drawing(width, height, label, heads, ribbons, boxes, words);
  root.setAttribute("data-j", flows.energy_j);
  marks(root, [...ribbons, ...boxes]);
  const region = { class: "scroll", tabindex: 0, role: "region", "aria-label": label };
  return [width > given ? h("div", region, root) : root];
};
