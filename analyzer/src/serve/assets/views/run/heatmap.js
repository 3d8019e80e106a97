// Layers by components of one token, on a canvas that is drawn in a few milliseconds, so that
// it follows the slider. Arrow keys move a cursor, Enter opens the operations of its cell.

import { hideTip, rowHeadWidth, shorten, showTip } from "/assets/charts.js";
import { levelOf } from "../shades.js";
import { canvasOf, drawRowNames, FONT, palette } from "./shades.js";

const HEAD = 46;
const SLANTED_HEAD = 108;
// Columns narrower than this have slanted heads, cells narrower than that no text.
const READABLE_HEAD = 56;
const READABLE_CELL = 54;

export class TokenHeatmap {
  // `read(cell)` is called when the cursor moves, `open(cell)` when a cell is chosen.
  constructor({ read, open }) {
    Object.assign(this, { read, open, cursor: null, block: null });
  }

  // Creates the canvas for a width, and draws the last cells again.
  build(width, block) {
    this.block = block;
    this.width = width;
    this.colours = palette();
    const { layers, components } = block;
    const narrow = width < 620;
    this.left = rowHeadWidth(layers, width);
    this.wide = (width - this.left - 2) / components.length;
    this.head = this.wide < READABLE_HEAD ? SLANTED_HEAD : HEAD;
    this.tall = layers.length > 40 ? 12 : narrow ? 18 : 20;
    const height = this.head + layers.length * this.tall + 4;
    [this.canvas, this.context] = canvasOf(width, height, {
      tabindex: 0,
      role: "application",
      "aria-roledescription": "heatmap",
      "aria-label":
        "Layers by components: arrow keys move from cell to cell, Enter lists its operations",
      class: "grid-canvas",
    });
    this.#listen();
    this.drawHeads();
    return this.canvas;
  }

  drawHeads() {
    const { context, block, colours, left, wide, tall, head, width } = this;
    context.font = FONT;
    context.clearRect(0, 0, width, head);
    context.fillStyle = colours.ink;
    context.textBaseline = "middle";
    block.components.forEach((name, at) => {
      const words = name.replace(/_/g, " ");
      context.save();
      if (head === HEAD) this.#columnHead(words, left + (at + 0.5) * wide);
      else {
        context.translate(left + (at + 0.5) * wide, head - 6);
        context.rotate(-Math.PI / 2.6);
        context.textAlign = "left";
        context.fillText(shorten(words, 16), 0, 0);
      }
      context.restore();
    });
    drawRowNames(context, block.layers, { left, tall, top: head, colours });
  }

  // A name above its column, in one or two lines.
  #columnHead(words, middle) {
    const room = this.wide - 6;
    const fits = (text) => this.context.measureText(text).width <= room;
    const cut = (text) => {
      let most = text.length;
      while (most > 3 && !fits(shorten(text, most))) most -= 1;
      return shorten(text, most);
    };
    const parts = fits(words) ? [words] : words.split(" ");
    const half = Math.ceil(parts.length / 2);
    const lines = [parts.slice(0, half), parts.slice(half)].map((part) => part.join(" "));
    this.context.textAlign = "center";
    lines
      .filter(Boolean)
      .forEach((one, row) => this.context.fillText(cut(one), middle, 14 + row * 14));
  }

  // Draws cells: as many as layers times components. This runs at each step of the slider.
  draw(cells, range, format) {
    Object.assign(this, { cells, range, format });
    const { context, block, colours, left, wide, tall, head } = this;
    const columns = block.components.length;
    const isRead = wide > READABLE_CELL && tall > 14;
    context.fillStyle = colours.paper;
    context.fillRect(left, head, columns * wide, block.layers.length * tall);
    const levels = new Int8Array(cells.length);
    for (let at = 0; at < cells.length; at += 1) {
      levels[at] = at < block.restFrom ? levelOf(cells[at], range) : -1;
    }
    for (let level = -1; level < colours.levels.length; level += 1) {
      context.fillStyle = level < 0 ? colours.wash : colours.levels[level];
      for (let at = 0; at < cells.length; at += 1) {
        if (levels[at] !== level) continue;
        const column = at % columns;
        const row = (at - column) / columns;
        context.fillRect(left + column * wide + 0.5, head + row * tall + 0.5, wide - 1, tall - 1);
      }
    }
    if (isRead) this.#words(levels);
    if (this.cursor !== null) this.#ring();
  }

  #words(levels) {
    const { context, colours, left, wide, tall, head, cells, format } = this;
    const columns = this.block.components.length;
    context.font = FONT;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let at = 0; at < cells.length; at += 1) {
      if (Number.isNaN(cells[at])) continue;
      const column = at % columns;
      const row = (at - column) / columns;
      context.fillStyle = levels[at] < 0 ? colours.ink : colours.on[levels[at]];
      context.fillText(
        format(cells[at]),
        left + (column + 0.5) * wide,
        head + (row + 0.5) * tall + 0.5,
      );
    }
  }

  #ring() {
    const { context, colours, left, wide, tall, head } = this;
    const columns = this.block.components.length;
    const [column, row] = [this.cursor % columns, Math.floor(this.cursor / columns)];
    context.strokeStyle = colours.ink;
    context.lineWidth = 2.5;
    context.strokeRect(left + column * wide + 1, head + row * tall + 1, wide - 2, tall - 2);
  }

  // The cell at the cursor: its names and its value.
  get cell() {
    if (this.cursor === null || !this.cells) return null;
    const { components, layers } = this.block;
    const column = this.cursor % components.length;
    const row = Math.floor(this.cursor / components.length);
    return {
      layer: layers[row],
      component: components[column],
      value: this.cells[this.cursor],
      words: this.format(this.cells[this.cursor]),
    };
  }

  moveTo(at, isOpened, point) {
    this.cursor = at;
    this.draw(this.cells, this.range, this.format);
    this.read(this.cell);
    const { layer, component, words } = this.cell;
    showTip(this.canvas, [`${layer}, ${component}`, words], point || this.#place(at));
    if (isOpened) this.open(this.cell);
  }

  // Where a cell is in the window.
  #place(at) {
    const box = this.canvas.getBoundingClientRect();
    const scale = box.width / this.width;
    const columns = this.block.components.length;
    const [column, row] = [at % columns, Math.floor(at / columns)];
    return {
      x: box.left + (this.left + (column + 0.5) * this.wide) * scale,
      y: box.top + (this.head + row * this.tall) * scale,
    };
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.width / box.width;
    const column = Math.floor(((event.clientX - box.left) * scale - this.left) / this.wide);
    const row = Math.floor(((event.clientY - box.top) * scale - this.head) / this.tall);
    const { components, layers } = this.block;
    const isInside = column >= 0 && row >= 0 && column < components.length && row < layers.length;
    return isInside ? row * components.length + column : null;
  }

  #listen() {
    const { canvas } = this;
    canvas.addEventListener("pointermove", (event) => {
      const at = this.cells && this.#at(event);
      if (at === null || at === undefined) hideTip();
      else this.moveTo(at, false, { x: event.clientX, y: event.clientY });
    });
    canvas.addEventListener("pointerleave", hideTip);
    canvas.addEventListener("blur", hideTip);
    canvas.addEventListener("click", (event) => {
      const at = this.cells && this.#at(event);
      if (at === null || at === undefined) return;
      this.moveTo(at, true, { x: event.clientX, y: event.clientY });
    });
    canvas.addEventListener("focus", () => {
      if (this.cells) this.moveTo(this.cursor ?? 0);
    });
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event) {
    if (!this.cells || event.ctrlKey || event.metaKey || event.altKey) return;
    const columns = this.block.components.length;
    const last = this.cells.length - 1;
    const at = this.cursor ?? 0;
    const next = {
      ArrowRight: (at + 1) % columns ? at + 1 : at,
      ArrowLeft: at % columns ? at - 1 : at,
      ArrowDown: at + columns <= last ? at + columns : at,
      ArrowUp: at - columns >= 0 ? at - columns : at,
      Home: at - (at % columns),
      End: at - (at % columns) + columns - 1,
      Enter: at,
      " ": at,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.moveTo(next, event.key === "Enter" || event.key === " ");
  }
}
