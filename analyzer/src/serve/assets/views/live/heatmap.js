// Layers by components, updated with each token. Cells stay; their shade and text change.

import {
  columnHeads,
  drawing,
  gridOf,
  gridStep,
  h,
  isKnown,
  joules,
  marks,
  milliseconds,
  offerFirst,
  onShade,
  rect,
  rowHeads,
  STATISTICS,
  text,
} from "/assets/charts.js";
import { growingRangeOf, levelOf, rampOf } from "../shades.js";

export const LATEST = "latest";
export const MEAN = "mean";

const valueOf = (cell, of) => {
  if (!cell) return null;
  if (of === MEAN) return cell.tokens ? cell.sum_j / cell.tokens : null;
  const known = cell.latest && cell.latest.energy_j;
  return isKnown(known) ? known : null;
};

// A component that the latest token did not run has the values of an earlier one.
function lines(cell, of) {
  const energy = valueOf(cell, of);
  const latest = cell.latest || {};
  const time = of === MEAN ? cell.sum_ms / cell.tokens : latest.duration_ms;
  const statistic = (name) =>
    of === LATEST && isKnown(latest[`activation_${name}`])
      ? `${STATISTICS[name]} ${latest[`activation_${name}`].toPrecision(3)}`
      : "";
  return [
    `${cell.layer}, ${cell.component}`,
    joules(energy),
    isKnown(time) ? milliseconds(time) : "",
    of === MEAN ? `mean of ${cell.tokens} tokens` : `token ${cell.token}`,
    ...["mean", "max"].map(statistic),
  ].filter(Boolean);
}

function cellOf(layer, component, [x, y], { wide, height }) {
  const box = rect(x + 0.5, y + 0.5, wide - 1, height - 1, {
    class: "cell rest mark",
    role: "img",
    tabindex: -1,
    "data-layer": layer,
    "data-component": component,
  });
  const style = { "text-anchor": "middle", "aria-hidden": "true" };
  const isRead = wide > 58 && height > 14;
  const words = isRead ? text(x + wide / 2, y + height / 2 + 4, "", style) : null;
  return { key: `${layer}\n${component}`, box, words };
}

// The chart in a frame.
export class LiveHeatmap {
  constructor(frame) {
    this.frame = frame;
    this.run = null;
    this.parts = null;
  }

  // Draws a run: the latest token, or the mean.
  show(run, of) {
    this.run = run;
    this.of = of;
    this.frame.draw((width) => this.#paint(width));
  }

  #paint(width) {
    const { parts, run } = this;
    const { layers, components } = run.matrix;
    const isSame =
      parts &&
      parts.run === run &&
      parts.width === width &&
      parts.rows === layers.size &&
      parts.columns === components.length &&
      parts.svg.isConnected;
    if (!isSame) return this.#build(width);
    this.#refresh();
    return null;
  }

  #build(width) {
    const { run } = this;
    const { matrix } = run;
    const [rows, columns] = [matrix.rows(), matrix.components];
    const grid = gridOf(rows, columns, width);
    const { left, wide, y } = grid;
    const cells = rows.flatMap((layer, row) =>
      columns.map((component, column) =>
        cellOf(layer, component, [left + column * wide, y(row)], grid),
      ),
    );
    const svg = drawing(
      width,
      y(rows.length) + 4,
      "Energy of layers by component",
      columnHeads(grid),
      rowHeads(rows, grid),
      cells.map(({ box, words }) => [box, words]),
    );
    marks(svg, null, {
      lines: (box) => this.#lines(`${box.dataset.layer}\n${box.dataset.component}`),
      go: (at, way) => gridStep(columns.length, at, way),
    });
    offerFirst(svg);
    const ramp = h("div", { class: "ramp" });
    const size = { rows: rows.length, columns: columns.length };
    this.parts = { width, run, ...size, cells, svg, ramp };
    this.#refresh();
    return [svg, ramp];
  }

  #lines(key) {
    const cell = this.run.matrix.cells.get(key);
    return cell
      ? lines(cell, this.of)
      : [key.replace("\n", ", "), "nothing recorded"];
  }

  // Changes cells whose value differs.
  #refresh() {
    const { parts, of } = this;
    const { matrix } = this.run;
    const values = parts.cells.map(({ key }) => valueOf(matrix.cells.get(key), of));
    const range = growingRangeOf(values);
    parts.cells.forEach((one, at) => {
      const value = values[at];
      const level = levelOf(value, range);
      if (one.level !== level) {
        one.level = level;
        one.box.setAttribute("class", `cell mark ${level < 0 ? "rest" : `shade${level}`}`);
        if (one.words) one.words.setAttribute("class", onShade(level));
      }
      if (one.value !== value) {
        one.value = value;
        one.box.setAttribute("data-j", value ?? "");
        one.box.setAttribute("aria-label", this.#lines(one.key).join("; "));
        if (one.words) one.words.textContent = value === null ? "" : joules(value);
      }
    });
    const { token } = matrix.latest;
    parts.svg.dataset.token = of === MEAN ? "" : token;
    const about = of === MEAN ? `mean of up to ${matrix.tokens.size} tokens` : `token ${token}`;
    parts.ramp.replaceChildren(...rampOf(range, joules, about));
  }
}
