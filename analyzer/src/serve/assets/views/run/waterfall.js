// The selected token as a waterfall: each component begins where the one before it ends.

import { atLeast, linear, shorten, sum } from "/assets/charts.js";
import { canvasOf, FONT, palette } from "./shades.js";

const ROW = 22;

export class TokenWaterfall {
  build(width, block, { order, format, hues }) {
    Object.assign(this, { width, block, order, format, hues, colours: palette() });
    this.left = width < 620 ? 96 : 150;
    const height = (order.length + 1) * ROW + 8;
    [this.canvas, this.context] = canvasOf(width, height, {
      role: "img",
      "aria-label": "Waterfall of the selected token by component",
      class: "grid-canvas",
    });
    return this.canvas;
  }

  // Draws the components of the token at a position; this runs at each step of the slider.
  draw(at) {
    const { context, block, order, format, colours, hues, left, width } = this;
    const parts = block.byComponent(at);
    const long = sum([...parts].filter((one) => one > 0));
    const scale = linear(0, long || 1, left, width - 92);
    context.clearRect(0, 0, width, (order.length + 1) * ROW + 8);
    context.font = FONT;
    context.textBaseline = "middle";
    let begin = 0;
    const row = (name, from, to, colour, no, words) => {
      const y = no * ROW + 4;
      context.fillStyle = colours.ink;
      context.textAlign = "right";
      context.fillText(shorten(name, Math.floor((left - 8) / 6.6)), left - 8, y + 9);
      context.fillStyle = colour;
      if (to > from)
        context.fillRect(scale(from), y, Math.max(1, scale(to) - scale(from)), ROW - 5);
      context.fillStyle = colours.soft;
      context.textAlign = "left";
      context.fillText(words, scale(to) + 6, y + 9);
    };
    order.forEach((c, no) => {
      const value = parts[c] > 0 ? parts[c] : 0;
      const name = block.components[c];
      row(name, begin, begin + value, hues.get(name), no, format(parts[c]));
      begin += value;
    });
    const whole = block.whole(at, parts);
    row("sum", 0, long, colours.soft, order.length, atLeast(whole, format));
    this.canvas.setAttribute("data-sum", whole.least);
  }
}
