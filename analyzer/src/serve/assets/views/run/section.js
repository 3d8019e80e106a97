// A section of the view: heading, explanation, and a chart that is drawn when it comes into
// view. A chart without data, or one that fails, has words in its place.

import { h } from "/assets/charts.js";
import { scrolling } from "../../dom.js";
import { failure } from "../../frame.js";

const MARGIN = "500px";

export class Section {
  // `draw(width)` returns elements; `table()` returns a table with the same values.
  constructor({ id, title, how, draw, table, tools }) {
    Object.assign(this, { id, title, draw, table });
    this.figure = h("figure", { class: "chart", "data-chart": id });
    this.state = h("div", { class: "state" });
    this.basis = h("p", { class: "basis" });
    this.tools = h("div", { class: "tools" }, tools || []);
    this.values = table ? this.#tableBox() : null;
    this.element = h(
      "section",
      { id: `chart-${id}`, "aria-labelledby": `title-${id}`, class: "part" },
      h("h2", { id: `title-${id}` }, title),
      h("p", { class: "how" }, how),
      this.basis,
      this.tools,
      this.state,
      this.figure,
      this.values || [],
    );
    this.isReady = false;
    this.drawnAt = 0;
    this.#watch();
    this.wait();
  }

  // Draws when the section comes near the window, and again when its width changes.
  #watch() {
    this.isNear = false;
    this.near = new IntersectionObserver(
      (entries) => {
        this.isNear = entries[entries.length - 1].isIntersecting;
        this.refresh();
      },
      { rootMargin: MARGIN },
    );
    this.size = new ResizeObserver(() => {
      clearTimeout(this.resized);
      this.resized = setTimeout(() => this.refresh(), 80);
    });
    this.near.observe(this.element);
    this.size.observe(this.element);
  }

  #tableBox() {
    const place = scrolling(`Values: ${this.title}`, [], "scroll");
    const box = h("details", { class: "values" }, h("summary", {}, "Values as a table"), place);
    box.addEventListener("toggle", () => {
      if (box.open) place.replaceChildren(this.#tableOrReason());
    });
    this.tablePlace = place;
    return box;
  }

  #tableOrReason() {
    try {
      return this.table() || h("p", { class: "empty" }, "There are no values.");
    } catch (error) {
      return h("p", { class: "empty" }, `The table failed: ${error.message}`);
    }
  }

  // Shows that data is on its way.
  wait(words = "Loading…") {
    this.#words(h("p", { class: "loading", role: "status" }, words));
  }

  // Shows why there is no chart.
  empty(words) {
    this.#words(h("p", { class: "empty" }, words));
  }

  // Shows an error with its remedy, and a button to try again.
  fail(error, retry) {
    const words = error.detail || error.message || String(error);
    const detail = `${this.title} cannot be shown: ${words}`;
    const [box] = failure({ detail, remedy: error.remedy }, retry);
    box.classList.add("failed");
    this.#words(box);
  }

  #words(element) {
    this.isReady = false;
    this.figure.hidden = true;
    this.tools.hidden = true;
    if (this.values) this.values.hidden = true;
    this.state.replaceChildren(element);
  }

  // Shows the chart as soon as it is in view.
  ready(basis = "") {
    this.isReady = true;
    this.basis.textContent = basis;
    this.state.replaceChildren();
    this.figure.hidden = false;
    this.tools.hidden = false;
    if (this.values) this.values.hidden = false;
    this.redraw();
  }

  // Draws again with new data.
  redraw() {
    this.drawnAt = 0;
    this.refresh();
  }

  refresh(isForced = false) {
    if (!this.isReady || !(this.isNear || isForced)) return;
    const width = Math.floor(this.figure.clientWidth);
    if (!width || width === this.drawnAt) return;
    this.drawnAt = width;
    try {
      this.figure.replaceChildren(...this.draw(width).filter(Boolean));
      this.figure.dataset.drawn = width;
      if (this.values?.open) this.tablePlace.replaceChildren(this.#tableOrReason());
    } catch (error) {
      console.warn(`${this.id}:`, error);
      this.fail(error, () => this.ready(this.basis.textContent));
    }
  }

  unmount() {
    this.near.disconnect();
    this.size.disconnect();
    clearTimeout(this.resized);
  }
}

// The values at the cursor, below a chart; the tooltip announces them.
export const readout = () => h("p", { class: "read" });
