// The operations of one token, in one layer and component: the drill-down of the heatmap.

import { h, joules, partColour, percent, seconds, UNKNOWN } from "/assets/charts.js";
import { button, scrolling } from "../../dom.js";
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
  const head = ["layer", "component", "operation", "count", "time", "energy", "share", ""];
  const number = (words, value) => h("td", { class: "n", "data-v": value }, words);
  const body = rows.map((row) => {
    const meter = h("i", { class: "meter", "aria-hidden": "true" });
    meter.style.width = `${Math.max(0, ((row.j || 0) / highest) * 100)}%`;
    meter.style.background = partColour(row.component);
    return h(
      "tr",
      { "data-operation": row.operation, "data-j": row.j },
      h("td", {}, row.layer),
      h("td", {}, row.component),
      h("td", {}, row.operation),
      number(row.count ?? UNKNOWN, row.count),
      number(seconds(row.ns), row.ns),
      number(joules(row.j), row.j),
      number(percent(row.share), row.share),
      h("td", { class: "meters" }, meter),
    );
  });
  const headings = head.map((name, at) =>
    name
      ? h("th", { scope: "col", class: at > 2 ? "n" : null }, name)
      : h("td", { class: "meters" }),
  );
  const table = h("table", {}, h("thead", {}, h("tr", {}, headings)), h("tbody", {}, body));
  return scrolling("Table of operations", table, "scroll");
}
