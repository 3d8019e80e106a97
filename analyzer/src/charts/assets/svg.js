// Creates elements. Recorded text becomes text nodes and attributes only, never markup.

const SVG = "http://www.w3.org/2000/svg";

const isPresent = (one) => one !== null && one !== undefined && one !== false;

// A function as value is a listener (`onclick`), `true` is an attribute without value; absent values
// and children (`false`, null, undefined) are left out.
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (!isPresent(value)) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter(isPresent));
  return element;
}
const h = (name, attributes, ...children) =>
  fill(document.createElement(name), attributes, children);
const s = (name, attributes, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

const round = (value) => Math.round(value * 100) / 100;

// A drawing of `width` by `height` on screen, which shrinks in print.
function drawing(width, height, label, ...children) {
  return s(
    "svg",
    {
      viewBox: `0 0 ${round(width)} ${round(height)}`,
      width: round(width),
      height: round(height),
      role: "group",
      "aria-label": label,
      class: "drawing",
    },
    ...children,
  );
}

const rect = (x, y, width, height, attributes) =>
  s("rect", {
    x: round(x),
    y: round(y),
    width: round(Math.max(0, width)),
    height: round(Math.max(0, height)),
    ...attributes,
  });
const line = (x1, y1, x2, y2, attributes) =>
  s("line", { x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2), ...attributes });
const text = (x, y, words, attributes) =>
  s("text", { x: round(x), y: round(y), ...attributes }, words);

// Text in a box, cut to its width; nothing if too few letters fit.
const LETTER = 6.6;
function label(x, y, width, words, attributes, least = 4) {
  const room = Math.floor((width - 6) / LETTER);
  if (room < Math.min(least, words.length)) return null;
  return text(x, y, shorten(words, room), {
    class: "inside",
    "aria-hidden": "true",
    ...attributes,
  });
}

// Stripes of a colour, to distinguish areas without colour vision.
let stripes = 0;
function striped(defs, colour, angle, gap = 6) {
  stripes += 1;
  const id = `stripes${stripes}`;
  defs.append(
    s(
      "pattern",
      {
        id,
        width: gap,
        height: gap,
        patternUnits: "userSpaceOnUse",
        patternTransform: `rotate(${angle})`,
      },
      rect(0, 0, gap, gap, { fill: colour }),
      rect(0, 0, gap / 3, gap, { fill: shade(colour, 0.55) }),
    ),
  );
  return `url(#${id})`;
}

// An axis below a chart, or to the left of it, with grid lines.
function axisX(marks, scale, y, top) {
  // Long texts stay inside of the chart.
  const ends = { 0: "start", [marks.length - 1]: "end" };
  return s(
    "g",
    { class: "axis", "aria-hidden": "true" },
    marks.map(({ value, text: words }, at) => [
      line(scale(value), top, scale(value), y, { class: "grid" }),
      text(scale(value), y + 16, words, {
        "text-anchor": words.length < 8 ? "middle" : ends[at] || "middle",
      }),
    ]),
  );
}
function axisY(marks, scale, x, right) {
  return s(
    "g",
    { class: "axis", "aria-hidden": "true" },
    marks.map(({ value, text: words }) => [
      line(x, scale(value), right, scale(value), { class: "grid" }),
      text(x - 6, scale(value) + 4, words, { "text-anchor": "end" }),
    ]),
  );
}

const linear = (from, to, low, high) => (value) =>
  low + ((value - from) / (to - from || 1)) * (high - low);

// A whisker from `lo` to `hi` along x. An end outside of `range` is drawn open, at its limit.
function whiskerX(scale, lo, hi, y, size = 5, [left, right] = [-Infinity, Infinity]) {
  if (!isKnown(lo) || !isKnown(hi)) return null;
  const [from, to] = [scale(lo), scale(hi)];
  const [x0, x1] = [Math.max(left, from), Math.min(right, to)].map(round);
  const cap = (x, isEnd) => (isEnd ? `M${x} ${y - size}v${2 * size}` : "");
  const d = `${cap(x0, from >= left)}M${x0} ${y}H${x1}${cap(x1, to <= right)}`;
  return s("path", { class: "whisker", d });
}
function whiskerY(scale, lo, hi, x, size = 3) {
  if (!isKnown(lo) || !isKnown(hi)) return null;
  return s("path", {
    class: "whisker",
    d: `M${round(x - size)} ${round(scale(lo))}h${2 * size}M${round(x)} ${round(scale(lo))}V${round(scale(hi))}M${round(x - size)} ${round(scale(hi))}h${2 * size}`,
  });
}

// Text for each colour and pattern.
function legend(entries) {
  return h(
    "ul",
    { class: "legend" },
    entries.map(({ name, fill: colour, dash, defs }) =>
      h(
        "li",
        {},
        s(
          "svg",
          { width: 18, height: 12, "aria-hidden": "true" },
          defs || [],
          dash === undefined
            ? rect(0.5, 0.5, 17, 11, { fill: colour, class: "swatch" })
            : line(0, 6, 18, 6, {
                stroke: colour,
                "stroke-width": 2.5,
                "stroke-dasharray": dash || null,
              }),
        ),
        ` ${name}`,
      ),
    ),
  );
}
