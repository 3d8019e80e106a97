// Layers by components, updated with each token. Cells stay; their shade and text change.

import {
  drawing,
  gridStep,
  h,
  joules,
  LETTER,
  onShade,
  rect,
  s,
  SHADES,
  shorten,
  text,
} from "/assets/charts.js";
import { liveMarks, offerFirst } from "./marks.js";

export const LATEST = "latest";
export const MEAN = "mean";

const valueOf = (cell, of) => {
  if (!cell) return null;
  if (of === MEAN) return cell.tokens ? cell.sum_j / cell.tokens : null;
  const known = cell.latest && cell.latest.energy_j;
  return typeof known === "number" ? known : null;
};

function lines(cell, of, matrix) {
  const energy = valueOf(cell, of);
  const latest = cell.latest || {};
  const time = of === MEAN ? cell.sum_ms / (cell.tokens || 1) : latest.duration_ms;
  const activation =
    of === LATEST && typeof latest.activation_mean === "number"
      ? `activations: mean ${latest.activation_mean.toPrecision(3)}, largest ${(latest.activation_max ?? NaN).toPrecision(3)}`
      : "";
  return [
    `${cell.layer}, ${cell.component}`,
    joules(energy),
    typeof time === "number" ? `${time.toPrecision(4)} ms` : "",
    of === MEAN ? `mean of ${cell.tokens} tokens` : `token ${matrix.latest.token}`,
    activation,
  ].filter(Boolean);
}

// Energy with the darkest shade: one in twenty cells may exceed it, so that a single one does not
// make all others pale.
function scaleOf(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.max(sorted[Math.floor(sorted.length * 0.95)] ?? 0, 1e-15);
}

// Creates the chart in a frame. `show(run, of)` draws the latest token or the mean.
export function liveHeatmap(frame) {
  let [run, of] = [null, LATEST];
  let parts = null;

  function build(width) {
    const { matrix } = run;
    const [rows, columns] = [matrix.rows(), matrix.components];
    const narrow = width < 620;
    const longest = Math.max(...rows.map((row) => row.length));
    const left = Math.min(narrow ? 64 : 110, 16 + LETTER * longest);
    const wide = (width - 4 - left) / columns.length;
    const height = rows.length > 60 ? 11 : narrow ? 16 : 18;
    const every = Math.ceil(14 / height);
    const room = Math.max(3, Math.floor((wide - 4) / (LETTER + 0.7)));
    const cells = rows.flatMap((layer, row) =>
      columns.map((component, column) => {
        const [x, y] = [left + column * wide, 26 + row * height];
        const box = rect(x + 0.5, y + 0.5, wide - 1, height - 1, {
          class: "cell rest mark",
          role: "img",
          tabindex: -1,
          "data-layer": layer,
          "data-component": component,
        });
        const words =
          wide > 58 && height > 14
            ? text(x + wide / 2, y + height / 2 + 4, "", {
                "text-anchor": "middle",
                "aria-hidden": "true",
              })
            : null;
        return { key: `${layer}\n${component}`, box, words, value: undefined };
      }),
    );
    const heads = columns.map((component, at) =>
      text(left + (at + 0.5) * wide, 18, shorten(component.replace(/_/g, " "), room), {
        "text-anchor": "middle",
        class: "name",
        "aria-hidden": "true",
      }),
    );
    const names = rows.map((layer, row) =>
      row % every
        ? null
        : text(left - 6, 26 + row * height + height / 2 + 4, shorten(layer, Math.floor(left / LETTER)), {
            "text-anchor": "end",
            class: "small",
            "aria-hidden": "true",
          }),
    );
    const svg = drawing(
      width,
      26 + rows.length * height + 4,
      "Energy of layers by component",
      heads,
      names,
      cells.map(({ box, words }) => [box, words]),
    );
    const key = (box) => `${box.dataset.layer}\n${box.dataset.component}`;
    liveMarks(
      svg,
      (box) => {
        const cell = run.matrix.cells.get(key(box));
        return cell ? lines(cell, of, run.matrix) : ["nothing recorded"];
      },
      (at, way) => gridStep(columns.length, at, way),
    );
    offerFirst(svg);
    const ramp = h("div", { class: "ramp" });
    parts = { width, run, rows: rows.length, columns: columns.length, cells, svg, ramp };
    refresh();
    return [svg, ramp];
  }

  function refresh() {
    const { matrix } = run;
    const held = parts.cells.map(({ key }) => matrix.cells.get(key));
    const values = held.map((cell) => valueOf(cell, of));
    const highest = scaleOf(values.filter((value) => value !== null));
    parts.cells.forEach((one, at) => {
      const value = values[at];
      const level =
        value === null ? -1 : Math.max(0, Math.min(SHADES - 1, Math.floor((value / highest) * (SHADES - 1e-3))));
      if (one.level !== level) {
        one.level = level;
        one.box.setAttribute("class", `cell mark ${level < 0 ? "rest" : `shade${level}`}`);
        if (one.words) one.words.setAttribute("class", onShade(level));
      }
      if (one.value !== value) {
        one.value = value;
        one.box.setAttribute("data-j", value ?? "");
        one.box.setAttribute(
          "aria-label",
          held[at] ? lines(held[at], of, matrix).join("; ") : `${one.key.replace("\n", ", ")}; nothing recorded`,
        );
        if (one.words) one.words.textContent = value === null ? "" : joules(value);
      }
    });
    const swatch = (level) =>
      s(
        "svg",
        { width: 22, height: 12, "aria-hidden": "true" },
        rect(0, 0, 22, 12, { class: `swatch shade${level}` }),
      );
    const about = of === MEAN ? `mean of ${matrix.tokens.size} tokens` : `token ${matrix.latest.token}`;
    parts.svg.dataset.token = of === MEAN ? "" : matrix.latest.token;
    parts.ramp.replaceChildren(
      "0 J ",
      ...[...Array(SHADES).keys()].map(swatch),
      ` ${joules(highest)} and more; ${about}`,
    );
  }

  const paint = (width) => {
    const { matrix } = run;
    const isSame =
      parts &&
      parts.run === run &&
      parts.width === width &&
      parts.rows === matrix.layers.size &&
      parts.columns === matrix.components.length &&
      parts.svg.isConnected;
    if (!isSame) return build(width);
    refresh();
    return null;
  };
  return {
    show(shownRun, which) {
      [run, of] = [shownRun, which];
      frame.draw(paint);
    },
  };
}
