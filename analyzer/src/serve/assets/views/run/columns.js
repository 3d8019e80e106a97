// Tokens as columns, each stacked by component.

import {
  atLeast,
  distinctColours,
  hideTip,
  legend,
  linear,
  percent,
  shareOf,
  showTip,
  sum,
} from "/assets/charts.js";
import { ticksOf } from "./metrics.js";
import { canvasOf, drawPositions, FONT, palette } from "./shades.js";

const [LEFT, TOP, BOTTOM] = [58, 10, 24];

// Components by their sums in the block, largest first.
function orderOf(block) {
  const sums = new Float64Array(block.components.length);
  for (let at = 0; at < block.values.length; at += 1) {
    const value = block.values[at];
    if (value > 0) sums[at % sums.length] += value;
  }
  return [...sums.keys()].sort((a, b) => sums[b] - sums[a]).filter((c) => sums[c] > 0);
}

export class TokenColumns {
  constructor({ read, select }) {
    Object.assign(this, { read, select });
  }

  build(width, block, { format, unit }) {
    Object.assign(this, { width, block, format, colours: palette() });
    this.order = orderOf(block);
    this.hues = distinctColours(this.order.map((c) => block.components[c]));
    this.stacks = block.tokens.map((_, at) => block.byComponent(at));
    this.wholes = this.stacks.map((parts, at) => block.whole(at, parts));
    this.high = width < 620 ? 190 : 250;
    this.wide = (width - LEFT - 10) / block.tokens.length;
    const heights = this.stacks.map((parts) => sum([...parts].filter((one) => one > 0)));
    const highest = Math.max(...heights, Number.MIN_VALUE);
    this.scale = linear(0, highest * 1.04, this.high, TOP);
    this.marks = ticksOf(0, highest * 1.04, 5, unit);
    [this.canvas, this.context] = canvasOf(width, this.high + BOTTOM, {
      tabindex: 0,
      role: "application",
      "aria-roledescription": "stacked columns",
      "aria-label": "Tokens by component: arrow keys move from token to token",
      class: "grid-canvas",
    });
    this.canvas.setAttribute(
      "data-all",
      sum(this.wholes.map((one) => one.least)),
    );
    this.#listen();
    this.#image();
    this.draw(this.selected ?? null);
    return this.canvas;
  }

  // All columns; only the selection is drawn again at each step.
  #image() {
    const { width, high, block, order, stacks, scale, wide, colours, marks, hues } = this;
    const [image, context] = canvasOf(width, high + BOTTOM);
    context.font = FONT;
    context.textBaseline = "middle";
    context.fillStyle = colours.soft;
    context.strokeStyle = colours.line;
    context.textAlign = "right";
    for (const { value, text } of marks) {
      context.fillText(text, LEFT - 6, scale(value));
      context.beginPath();
      context.moveTo(LEFT, scale(value));
      context.lineTo(width - 10, scale(value));
      context.stroke();
    }
    const gap = wide > 5 ? 1 : 0;
    const below = stacks.map(() => 0);
    for (const c of order) {
      context.fillStyle = hues.get(block.components[c]);
      stacks.forEach((parts, at) => {
        if (!(parts[c] > 0)) return;
        const [low, top] = [scale(below[at]), scale(below[at] + parts[c])];
        context.fillRect(LEFT + at * wide, top, Math.max(0.6, wide - gap), low - top);
        below[at] += parts[c];
      });
    }
    context.fillStyle = colours.soft;
    drawPositions(context, block, { left: LEFT, wide, width, y: high + 13 });
    this.image = image;
  }

  draw(selected) {
    this.selected = selected;
    const { context, width, high, wide, colours, image } = this;
    context.clearRect(0, 0, width, high + BOTTOM);
    context.drawImage(image, 0, 0, width, high + BOTTOM);
    if (selected === null || !(selected >= 0) || selected >= this.stacks.length) return;
    context.strokeStyle = colours.ink;
    context.lineWidth = 1.5;
    context.strokeRect(
      LEFT + selected * wide - 0.5,
      TOP - 4,
      Math.max(2, wide) + 1,
      high - TOP + 4,
    );
  }

  words(at) {
    const { block, order, stacks, wholes, format } = this;
    const most = [...order].sort((a, b) => stacks[at][b] - stacks[at][a]).slice(0, 3);
    const parts = most
      .filter((c) => stacks[at][c] > 0)
      .map((c) => `${block.components[c]} ${percent(shareOf(stacks[at][c], wholes[at].whole))}`);
    const { unknown } = wholes[at];
    return [
      `token ${block.number(at)}: ${atLeast(wholes[at], format)}`,
      unknown ? `${unknown} cells unknown` : "",
      parts.join(", ") || (unknown ? "" : "nothing recorded"),
    ]
      .filter(Boolean)
      .join("; ");
  }

  legend() {
    return legend(
      this.order.slice(0, 24).map((c) => ({
        name: this.block.components[c],
        fill: this.hues.get(this.block.components[c]),
      })),
    );
  }

  #listen() {
    const at = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const x = ((event.clientX - box.left) * this.width) / box.width;
      const found = Math.floor((x - LEFT) / this.wide);
      return found >= 0 && found < this.stacks.length ? found : null;
    };
    this.canvas.addEventListener("pointermove", (event) => {
      const found = at(event);
      if (found === null) hideTip();
      else this.#show(found, { x: event.clientX, y: event.clientY });
    });
    this.canvas.addEventListener("pointerleave", hideTip);
    this.canvas.addEventListener("blur", hideTip);
    this.canvas.addEventListener("click", (event) => {
      const found = at(event);
      if (found !== null) this.select(this.block.from + found);
    });
    this.canvas.addEventListener("keydown", (event) => {
      const now = this.selected ?? 0;
      const last = this.stacks.length - 1;
      const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: last }[event.key];
      if (next === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const found = Math.max(0, Math.min(last, next));
      this.select(this.block.from + found);
      const box = this.canvas.getBoundingClientRect();
      this.#show(found, { x: box.left + LEFT + found * this.wide, y: box.top + 20 });
    });
  }

  #show(at, point) {
    const words = this.words(at);
    this.read(words);
    showTip(this.canvas, words.split("; "), point);
  }
}
