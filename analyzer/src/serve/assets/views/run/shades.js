// Canvases of cells, and their colours: the eight shades of the theme, and those between them.

import { LETTER, SHADES, shorten, ticks } from "/assets/charts.js";
import { stepOf } from "../shades.js";

const STEPS = 256;

function rgb(colour) {
  const context = document.createElement("canvas").getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

// Reads the colours of the current theme.
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim() || "#888888";
  const levels = [...Array(SHADES).keys()].map((at) => read(`--s${at}`));
  const ends = levels.map(rgb);
  // Colours between the levels, as pixels of an image.
  const pixels = new Uint32Array(STEPS);
  const bytes = new Uint8ClampedArray(pixels.buffer);
  for (let at = 0; at < STEPS; at += 1) {
    const place = (at / (STEPS - 1)) * (SHADES - 1);
    const low = Math.min(SHADES - 2, Math.floor(place));
    for (let part = 0; part < 3; part += 1) {
      const [from, to] = [ends[low][part], ends[low + 1][part]];
      bytes[at * 4 + part] = from + (to - from) * (place - low);
    }
    bytes[at * 4 + 3] = 255;
  }
  return {
    levels,
    pixels,
    paper: read("--paper"),
    ink: read("--ink"),
    soft: read("--soft"),
    line: read("--line"),
    wash: read("--wash"),
    // Colours of text on each level.
    on: levels.map((_, at) => (at < 4 ? read("--faint") : at === 4 ? "#000000" : read("--strong"))),
  };
}

// Maps values from `lo` to `hi` to one of the colours of `pixels`.
export const pixelOf = (value, range) => stepOf(value, range, STEPS);

// Calls `changed` when the theme changes; returns a function that stops it.
export function onTheme(changed) {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const watch = new MutationObserver(changed);
  watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  system.addEventListener("change", changed);
  return () => {
    watch.disconnect();
    system.removeEventListener("change", changed);
  };
}

// Creates a canvas of `width` by `height` pixels of the page, sharp on dense screens.
export function canvasOf(width, height, attributes = {}) {
  const canvas = document.createElement("canvas");
  for (const [name, value] of Object.entries(attributes)) canvas.setAttribute(name, value);
  const dense = Math.min(2, window.devicePixelRatio || 1);
  canvas.width = Math.round(width * dense);
  canvas.height = Math.round(height * dense);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(dense, dense);
  return [canvas, context];
}

export const FONT = '11.5px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

// Draws the names of rows left of a canvas's cells, as many as there is room for.
export function drawRowNames(context, names, { left, tall, top, colours }) {
  const style = { font: FONT, fillStyle: colours.soft };
  Object.assign(context, style, { textAlign: "right", textBaseline: "middle" });
  const every = Math.ceil(13 / tall);
  names.forEach((name, row) => {
    if (row % every) return;
    const words = shorten(name, Math.floor((left - 6) / LETTER));
    context.fillText(words, left - 6, top + (row + 0.5) * tall);
  });
}

// Draws the positions of tokens below their columns.
export function drawPositions(context, block, { left, wide, width, y }) {
  const { from, tokens } = block;
  context.textAlign = "center";
  for (const { value, text } of ticks(from, from + tokens.length - 1, width < 620 ? 4 : 8, null)) {
    if (!Number.isInteger(value)) continue;
    context.fillText(text, Math.min(width - 14, left + (value - from + 0.5) * wide), y);
  }
}
