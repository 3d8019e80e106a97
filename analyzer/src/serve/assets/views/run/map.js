// Tokens by layers as an image. Cells below a threshold are pale, so that expensive places
// stand out; a click, or Enter, selects a token.

import { h, hideTip, percent, rowHeadWidth, showTip } from "/assets/charts.js";
import { canvasOf, drawPositions, drawRowNames, palette, pixelOf } from "./shades.js";

const [TOP, BOTTOM] = [8, 24];

export class TokenMap {
  constructor({ read, select }) {
    Object.assign(this, { read, select, cursor: { token: 0, layer: 0 }, threshold: -Infinity });
  }

  // `values` are by token and layer; `selected` is a position in the block, or null.
  build(width, block, { values, range, format, sums }) {
    Object.assign(this, { width, block, values, range, format, sums, colours: palette() });
    const names = block.layers;
    this.left = rowHeadWidth(names, width);
    this.tall = Math.max(5, Math.min(16, Math.round(420 / names.length)));
    this.high = names.length * this.tall;
    this.wide = (width - this.left - 4) / block.tokens.length;
    const height = TOP + this.high + BOTTOM;
    [this.canvas, this.context] = canvasOf(width, height, {
      tabindex: 0,
      role: "application",
      "aria-roledescription": "map",
      "aria-label": "Tokens by layers: arrow keys move, Enter selects the token",
      class: "grid-canvas",
    });
    this.#listen();
    this.#image();
    this.draw(this.selected ?? null);
    return this.canvas;
  }

  setThreshold(value) {
    this.threshold = value;
    this.#image();
    this.draw(this.selected);
  }

  // One pixel a cell; it is enlarged when it is drawn.
  #image() {
    const { block, values, range, colours, threshold } = this;
    const [tokens, layers] = [block.tokens.length, block.layers.length];
    const image = document.createElement("canvas");
    [image.width, image.height] = [tokens, layers];
    const context = image.getContext("2d");
    const data = context.createImageData(tokens, layers);
    const pixels = new Uint32Array(data.data.buffer);
    for (let token = 0; token < tokens; token += 1) {
      for (let layer = 0; layer < layers; layer += 1) {
        const value = values[token * layers + layer];
        const at = value >= threshold ? pixelOf(value, range) : -1;
        if (at >= 0) pixels[layer * tokens + token] = colours.pixels[at];
      }
    }
    context.putImageData(data, 0, 0);
    this.image = image;
  }

  // Draws the image and the selected token; this runs at each step of the slider.
  draw(selected) {
    this.selected = selected;
    const { context, colours, left, high, wide, width, image, block } = this;
    context.clearRect(0, 0, width, TOP + high + BOTTOM);
    context.fillStyle = colours.wash;
    context.fillRect(left, TOP, wide * block.tokens.length, high);
    context.imageSmoothingEnabled = false;
    context.drawImage(image, left, TOP, wide * block.tokens.length, high);
    this.#axes();
    context.strokeStyle = colours.ink;
    if (selected !== null && selected >= 0 && selected < block.tokens.length) {
      context.lineWidth = 1.5;
      context.strokeRect(left + selected * wide, TOP + 0.75, Math.max(2, wide), high - 1.5);
    }
    if (document.activeElement === this.canvas) {
      const { token, layer } = this.cursor;
      context.lineWidth = 2.5;
      const y = TOP + layer * this.tall - 1;
      context.strokeRect(left + token * wide - 1, y, wide + 2, this.tall + 2);
    }
  }

  #axes() {
    const { context, colours, block, left, tall, high, wide, width } = this;
    drawRowNames(context, block.layers, { left, tall, top: TOP, colours });
    drawPositions(context, block, { left, wide, width, y: TOP + high + 13 });
  }

  // How many cells, and which share of the sum, reach the threshold.
  get above() {
    let [count, part, whole, known] = [0, 0, 0, 0];
    for (const value of this.values) {
      if (Number.isNaN(value)) continue;
      known += 1;
      whole += value;
      if (value >= this.threshold) {
        count += 1;
        part += value;
      }
    }
    const share = this.sums && whole > 0 ? `, ${percent(part / whole)} of their sum` : "";
    return `${count} of ${known} cells reach ${this.format(this.threshold)}${share}`;
  }

  #move(token, layer, isSelected, point) {
    const { block } = this;
    this.cursor = {
      token: Math.max(0, Math.min(block.tokens.length - 1, token)),
      layer: Math.max(0, Math.min(block.layers.length - 1, layer)),
    };
    const value = this.values[this.cursor.token * block.layers.length + this.cursor.layer];
    const where = `token ${block.number(this.cursor.token)}, ${block.layers[this.cursor.layer]}`;
    this.read(`${where}: ${this.format(value)}`);
    const box = this.canvas.getBoundingClientRect();
    const place = {
      x: box.left + this.left + (this.cursor.token + 0.5) * this.wide,
      y: box.top + TOP + this.cursor.layer * this.tall,
    };
    showTip(this.canvas, [where, this.format(value)], point || place);
    if (isSelected) this.select(block.from + this.cursor.token);
    else this.draw(this.selected);
  }

  #listen() {
    const { canvas } = this;
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      const scale = this.width / box.width;
      const token = Math.floor(((event.clientX - box.left) * scale - this.left) / this.wide);
      return [token, Math.floor(((event.clientY - box.top) * scale - TOP) / this.tall)];
    };
    canvas.addEventListener("pointermove", (event) => {
      const [token, layer] = place(event);
      const isNew = token !== this.cursor.token || layer !== this.cursor.layer;
      const isInside = token >= 0 && layer >= 0 && layer < this.block.layers.length;
      if (!isInside) hideTip();
      else if (isNew) this.#move(token, layer, false, { x: event.clientX, y: event.clientY });
    });
    canvas.addEventListener("pointerleave", hideTip);
    canvas.addEventListener("click", (event) => {
      const [token, layer] = place(event);
      if (token >= 0) this.#move(token, layer, true, { x: event.clientX, y: event.clientY });
    });
    canvas.addEventListener("focus", () => this.#move(this.cursor.token, this.cursor.layer));
    canvas.addEventListener("blur", () => {
      hideTip();
      this.draw(this.selected);
    });
    canvas.addEventListener("keydown", (event) => {
      const { token, layer } = this.cursor;
      const by = {
        ArrowRight: [1, 0],
        ArrowLeft: [-1, 0],
        ArrowDown: [0, 1],
        ArrowUp: [0, -1],
        PageUp: [-20, 0],
        PageDown: [20, 0],
        Home: [-token, 0],
        End: [this.block.tokens.length, 0],
        Enter: [0, 0],
      }[event.key];
      if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.#move(token + by[0], layer + by[1], event.key === "Enter");
    });
  }
}

// A slider for the threshold, from nothing to the highest value.
export function thresholdOf(map, changed) {
  const slider = h("input", { type: "range", min: 0, max: 100, value: 0, class: "threshold" });
  const out = h("output", { class: "note" });
  const set = () => {
    const share = Number(slider.value) / 100;
    const { lo, hi } = map.range;
    map.setThreshold(share === 0 ? -Infinity : lo + share * (hi - lo));
    out.textContent = share === 0 ? "all cells are shown" : map.above;
    changed?.();
  };
  slider.addEventListener("input", set);
  return { element: h("div", { class: "tools" }, h("label", {}, "Threshold ", slider), out), set };
}
