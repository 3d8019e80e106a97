// History: all runs of the file, filtered, sorted, page by page; their trend; runs to compare.

import { isAborted } from "../api.js";
import { button, choice, element, replace, scrolling, setText } from "../dom.js";
import { chartFrame } from "../frame.js";
import { deleteDialog, tagDialog } from "./history/dialogs.js";
import { filterForm, NAMES } from "./history/filters.js";
import { runTable } from "./history/table.js";
import { trendChart, trendRuns } from "./history/trend.js";
import { addressOf, StoredReads } from "./reads.js";
import { titleOf } from "./runs.js";

const SIZES = ["25", "50", "100"];
// Most runs of the trend and of a comparison.
const TREND = 200;
const MOST = 4;
// Time after a message until the list is read again.
const PAUSE_MS = 800;
const CHANGES = ["run_started", "inference_complete", "figures_replaced", "run_deleted"];

export function mount(root, params, context) {
  const view = new History(root, context);
  view.update(params);
  return { unmount: () => view.stop(), update: (to) => view.update(to) };
}

class History {
  constructor(root, context) {
    Object.assign(this, context);
    this.query = new URLSearchParams();
    this.selected = new Map();
    this.form = filterForm((values) => this.go({ ...values }));
    this.count = element("p", { class: "note", role: "status" });
    this.trend = chartFrame("Energy per token", {
      name: "trend",
      how: "Each mark is a run, oldest left, with the 90 % interval of its energy. Marks open the run.",
    });
    this.list = chartFrame("Runs", { name: "runs" });
    this.pages = element("nav", { class: "pages controls", "aria-label": "Pages" });
    this.selection = element("div", { class: "selection controls", hidden: true });
    replace(
      root,
      element("h1", {}, "History"),
      this.form.element,
      this.count,
      this.trend.element,
      this.list.element,
      this.pages,
      this.selection,
    );
    this.reads = new StoredReads(this.socket, {
      changes: CHANGES,
      pause_ms: PAUSE_MS,
      read: (signal) => this.readAll(signal),
    });
  }

  stop() {
    this.reads.stop();
    this.trend.close();
    this.list.close();
  }

  // Goes to the address with these filters.
  go(values) {
    this.navigate(addressOf("history", values));
  }

  update({ query }) {
    this.query = query;
    this.form.show(query);
    this.load();
  }

  load() {
    return this.reads.now();
  }

  get limit() {
    const size = this.query.get("limit");
    return SIZES.includes(size) ? Number(size) : Number(SIZES[0]);
  }

  get offset() {
    return Math.max(0, Number(this.query.get("offset")) || 0);
  }

  get filters() {
    const set = {};
    for (const name of NAMES) if (this.query.get(name)) set[name] = this.query.get(name);
    return set;
  }

  async readAll(signal) {
    if (!this.shown) {
      this.list.loading();
      this.trend.loading();
    }
    const { sort_by: _sort, order: _order, ...only } = this.filters;
    const page = { ...this.filters, limit: this.limit, offset: this.offset };
    const trend = { ...only, sort_by: "date", limit: TREND };
    await Promise.all([
      this.read(page, signal, this.list, (answer) => this.showList(answer)),
      this.read(trend, signal, this.trend, (answer) => this.showTrend(answer)),
    ]);
  }

  async read(query, signal, frame, show) {
    try {
      show(await this.api.get("/runs", { query, signal }));
    } catch (error) {
      // There is no file before the first run is recorded.
      if (error.status === 404) show({ runs: [], total: 0 });
      else if (!isAborted(error)) frame.fail(error, () => this.load());
    }
  }

  showList({ runs, total }) {
    this.shown = true;
    const isFiltered = Object.keys(this.filters).some(
      (name) => name !== "sort_by" && name !== "order",
    );
    const some = total === 1 ? "1 run" : `${total} runs`;
    const match = total === 1 ? "matches" : "match";
    setText(this.count, isFiltered ? `${some} ${match}` : `${some} in this file`);
    if (!runs.length) {
      this.list.empty(
        total
          ? "This page is empty: go back to the first one."
          : isFiltered
            ? "No run matches these filters."
            : "This file has no runs yet.",
      );
      if (!total && !isFiltered) this.explainEmpty();
    } else {
      const chosen = new Set(this.selected.keys());
      const table = runTable(runs, chosen, {
        select: (run, isOn) => this.select(run, isOn),
        tags: (run) => tagDialog({ api: this.api, run, changed: () => this.reads.later() }),
        remove: (run) => this.remove(run),
      });
      const area = scrolling("Table of runs", table);
      this.keepFocus(() => this.list.draw(() => [area]));
    }
    this.showPages(total);
  }

  // How the first run gets into the file of this server.
  async explainEmpty() {
    let database = "FILE";
    try {
      ({ database } = await this.api.get("/status"));
    } catch {
      // The name of the file is not needed.
    }
    this.list.empty(
      `This file has no runs yet. Record one: energy --db ${database} record -- PROGRAM, or start one in the Live view.`,
    );
  }

  // Draws anew without losing the place of the keyboard.
  keepFocus(draw) {
    const focused = document.activeElement;
    const row = focused && focused.closest && focused.closest("tr[data-run]");
    const name =
      focused && focused.closest && focused.closest("td") && focused.closest("td").dataset.name;
    const label = focused && focused.getAttribute && focused.getAttribute("aria-label");
    draw();
    if (!row) return;
    const same = this.list.figure.querySelector(
      `tr[data-run="${CSS.escape(row.dataset.run)}"] td[data-name="${name}"]`,
    );
    if (!same) return;
    const target = [...same.querySelectorAll("input, button, a")];
    const found = target.find((one) => one.getAttribute("aria-label") === label) || target[0];
    if (found) found.focus();
  }

  showTrend({ runs, total }) {
    const known = trendRuns(runs);
    if (!known.length) {
      this.trend.empty("No run of this list has a known energy per token.");
      return;
    }
    const unknown = runs.length - known.length;
    const notes = [
      total > runs.length ? `The newest ${runs.length} of ${total} runs.` : "",
      unknown ? `The energy per token of ${unknown} ${unknown === 1 ? "run" : "runs"} is unknown.` : "",
    ].filter(Boolean);
    const open = (run) => this.navigate(`#/run/${encodeURIComponent(run.run_id)}`);
    this.trend.draw((width) => [
      ...trendChart(known, width, open),
      notes.length ? element("p", { class: "note" }, notes.join(" ")) : null,
    ]);
  }

  showPages(total) {
    const { limit, offset } = this;
    const to = (at) =>
      this.go({ ...this.filters, ...this.size(), ...(at > 0 ? { offset: at } : {}) });
    const page = Math.floor(offset / limit) + 1;
    const pages = Math.max(1, Math.ceil(total / limit));
    const size = choice(SIZES, { "aria-label": "Runs per page" }, String(limit));
    size.addEventListener("change", () =>
      this.go({ ...this.filters, ...(size.value === SIZES[0] ? {} : { limit: size.value }) }),
    );
    replace(
      this.pages,
      button("Previous", () => to(offset - limit), { disabled: offset <= 0 }),
      element("span", {}, `page ${page} of ${pages}`),
      button("Next", () => to(offset + limit), { disabled: offset + limit >= total }),
      element("label", {}, size, " per page"),
    );
  }

  size() {
    return this.limit === Number(SIZES[0]) ? {} : { limit: this.limit };
  }

  select(run, isOn) {
    if (isOn && this.selected.size >= MOST) {
      this.announce(`At most ${MOST} runs can be compared`);
      const box = this.list.figure.querySelector(`tr[data-run="${CSS.escape(run.run_id)}"] input`);
      if (box) box.checked = false;
      return;
    }
    if (isOn) this.selected.set(run.run_id, run);
    else this.selected.delete(run.run_id);
    this.showSelection();
  }

  showSelection() {
    const runs = [...this.selected.values()];
    this.selection.hidden = !runs.length;
    const query = new URLSearchParams(runs.map((run) => ["run", run.run_id]));
    replace(
      this.selection,
      element(
        "span",
        { role: "status" },
        `${runs.length} selected: ${runs.map(titleOf).join(", ")}`,
      ),
      button("Compare", () => this.navigate(`#/compare?${query}`), {
        class: "main",
        disabled: runs.length < 2,
      }),
      button("Clear", () => {
        this.selected.clear();
        this.showSelection();
        for (const box of this.list.figure.querySelectorAll("td[data-name=select] input"))
          box.checked = false;
      }),
      runs.length < 2 ? element("small", {}, `select 2 to ${MOST} runs`) : null,
    );
  }

  remove(run) {
    deleteDialog({
      api: this.api,
      run,
      removed: () => {
        this.selected.delete(run.run_id);
        this.showSelection();
        this.announce(`${titleOf(run)} was deleted`);
        this.load();
      },
    });
  }
}
