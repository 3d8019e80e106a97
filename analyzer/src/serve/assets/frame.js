// The frame around a chart: title, explanation, and one of four states: loading, empty, failed,
// drawn. A drawn chart is drawn again when its width changes.

import { button, element, replace } from "./dom.js";

let frames = 0;

// Creates a frame. `how` explains how to read the chart.
//
// `element` is the section; `tools` a place for controls; `loading()`, `empty(text)`,
// `fail(error, retry)` and `draw(paint, data)` set the state. `paint(width)` returns elements.
export function chartFrame(title, { how, name } = {}) {
  frames += 1;
  const id = `frame${frames}`;
  const figure = element("figure", { class: "chart", "aria-labelledby": id });
  const tools = element("div", { class: "tools" });
  const section = element(
    "section",
    { class: "frame", "aria-labelledby": id, "data-frame": name },
    element("h2", { id }, title),
    how ? element("p", { class: "how" }, how) : null,
    tools,
    figure,
  );
  let paint = null;
  let drawnWidth = 0;
  const state = (name, ...children) => {
    section.dataset.state = name;
    figure.setAttribute("aria-busy", String(name === "loading"));
    replace(figure, ...children);
  };
  const redraw = () => {
    const width = Math.floor(figure.clientWidth);
    if (!paint || !width) return;
    drawnWidth = width;
    let painted;
    try {
      painted = paint(width);
    } catch (error) {
      // A fault of one chart must not stop the others.
      console.error(error);
      plain("failed", ...failure(error));
      return;
    }
    if (painted) state("drawn", ...[painted].flat());
    else section.dataset.state = "drawn";
  };
  const observer = new ResizeObserver(() => {
    if (paint && Math.floor(figure.clientWidth) !== drawnWidth) requestAnimationFrame(redraw);
  });
  observer.observe(figure);
  const plain = (name, ...children) => {
    paint = null;
    state(name, ...children);
  };
  plain("loading", element("p", { class: "note" }, "Loading …"));
  return {
    element: section,
    figure,
    tools,
    loading: () => plain("loading", element("p", { class: "note" }, "Loading …")),
    empty: (text) => plain("empty", element("p", { class: "empty" }, text)),
    fail: (error, retry) => plain("failed", ...failure(error, retry)),
    draw: (paintChart) => {
      paint = paintChart;
      redraw();
    },
    close: () => observer.disconnect(),
  };
}

const sentence = (text) => (/[.!?:]$/.test(text.trim()) ? text : `${text}.`);

// What failed, the next step, and a button to try again.
export function failure(error, retry) {
  return [
    element(
      "div",
      { class: "caution", role: "alert" },
      element("p", {}, sentence(error.detail || error.message || String(error))),
      error.remedy ? [" ", element("p", {}, sentence(`Next step: ${error.remedy}`))] : null,
      retry ? button("Try again", retry) : null,
    ),
  ];
}
