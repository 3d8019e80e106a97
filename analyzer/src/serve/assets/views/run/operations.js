// The operations of one token, in one layer and component: the drill-down of the heatmap.

import { h, joules, partColour, percent, seconds, UNKNOWN, WORDS } from "/assets/charts.js";
import { button, count, scrolling, table } from "../../dom.js";
import { failure } from "../../frame.js";

const rowOf = (one) => ({
  layer: one.layer ?? UNKNOWN,
  component: one.component ?? UNKNOWN,
  operation: one.operation ?? UNKNOWN,
  count: one.count,
  ns: one.duration_ns,
  j: one.energy_j,
  share: one.share,
});

export class OperationsPanel {
  constructor({ api, id, announce, closed }) {
    Object.assign(this, { api, id, announce, closed, request: 0 });
    this.title = h("h3", { tabindex: -1 });
    this.content = h("div", {});
    const close = button("Close", () => this.close());
    this.element = h(
      "aside",
      { class: "operations", "aria-label": "Operations", hidden: "" },
      h("div", { class: "top" }, this.title, close),
      this.content,
    );
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  close() {
    if (this.element.hidden) return;
    this.request += 1;
    this.element.hidden = true;
    this.closed?.();
  }

  // Shows the operations of a cell.
  async open({ token, position, layer, component }) {
    this.request += 1;
    const request = this.request;
    this.title.textContent = `Token ${token}: ${[layer, component].filter(Boolean).join(" > ")}`;
    this.content.replaceChildren(h("p", { class: "loading", role: "status" }, "Loading…"));
    this.element.hidden = false;
    this.title.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "nearest" });
    const query = new URLSearchParams();
    if (layer) query.set("layer", layer);
    if (component) query.set("component", component);
    const path = `/run/${encodeURIComponent(this.id)}/token/${position}/operations`;
    try {
      const answer = await this.api.get(`${path}?${query}`);
      if (request !== this.request) return;
      const rows = (answer.operations || []).map(rowOf);
      this.content.replaceChildren(operationsTable(rows));
      this.announce(`${rows.length} operations of token ${token}`);
    } catch (error) {
      if (request !== this.request) return;
      const detail = `The operations cannot be shown: ${error.detail || error.message}`;
      this.content.replaceChildren(...failure({ detail, remedy: error.remedy }));
    }
  }
}

function operationsTable(rows) {
  if (!rows.length) {
    const words = "No operation was recorded here. Runs of depth deep record single operations.";
    return h("p", { class: "empty" }, words);
  }
  const highest = Math.max(...rows.map((row) => row.j || 0), Number.MIN_VALUE);
  const meter = (row) => {
    const bar = h("i", { class: "meter", "aria-hidden": "true" });
    bar.style.width = `${Math.max(0, ((row.j || 0) / highest) * 100)}%`;
    bar.style.background = partColour(row.component);
    return bar;
  };
  const columns = [
    [WORDS.layer, (row) => row.layer],
    [WORDS.component, (row) => row.component],
    [WORDS.operation, (row) => row.operation],
    [WORDS.count, (row) => row.count, count],
    [WORDS.time, (row) => row.ns, seconds],
    [WORDS.energy, (row) => row.j, joules],
    [WORDS.share, (row) => row.share, percent],
    [h("span", { class: "unseen" }, "Share as a bar"), meter, null, "meter"],
  ];
  const of = (row) => ({ "data-operation": row.operation, "data-j": row.j });
  return scrolling("Table of operations", table(null, columns, rows, { of }), "scroll");
}
