// One stored run: key figures, then charts that are drawn as they come into view.

import { charts, h, joules, watts } from "/assets/charts.js";
import { CellCharts } from "./run/cell_charts.js";
import { CellStore } from "./run/cells.js";
import { Head } from "./run/head.js";
import { metricsOf } from "./run/metrics.js";
import { PipelineTable, pipelineOf } from "./run/pipeline.js";
import { TokenPlayer } from "./run/player.js";
import { PowerZoom } from "./run/power.js";
import { Section } from "./run/section.js";
import { onTheme } from "./run/shades.js";
import { TABLES, tableOf } from "./run/tables.js";
import { TokenPages } from "./run/token_pages.js";
import { TokenStrip } from "./run/token_strip.js";
import { SHARED, reasonOf } from "./run/shared.js";

class RunView {
  constructor(root, params, context) {
    Object.assign(this, { root, context, asked: params.id || "last", api: context.api });
    this.path = `/run/${encodeURIComponent(this.asked)}`;
    this.player = new TokenPlayer({ describe: (position) => this.pages.words(position) });
    this.pages = new TokenPages(this.api, this.asked);
    this.strip = new TokenStrip((position) => this.player.select(position));
    this.table = new PipelineTable();
    this.#build();
    this.player.onSelect((position) => this.#select(position));
    this.ends = [onTheme(() => this.cells.recolour()), this.#print()];
    this.load().then(() => this.scrollTo(params.query?.get?.("chart")));
  }

  #build() {
    const { api, asked: id } = this;
    const { announce } = this.context;
    this.head = new Head();
    this.power = new PowerZoom({ api, id, announce, changed: () => this.timeline?.redraw() });
    const store = new CellStore(api, id);
    this.cells = new CellCharts({ api, id, store, player: this.player, announce });
    this.pipeline = new Section({
      id: "pipeline",
      title: "Pipeline",
      how: "When each phase ran, and its energy; open a phase to see its sections.",
      draw: () => this.table.build(this.pipelineRows, this.data?.heads || []),
    });
    this.timeline = new Section({
      id: "timeline",
      title: "Power over time",
      how:
        "Lines are mean power; the shade spans the lowest to the highest sample of a step. Bands " +
        "are phases with time and energy, dashed lines idle power, triangles peaks, short lines " +
        "tokens. Drag to zoom; on the chart, + and - zoom, comma and period move, 0 shows all.",
      tools: this.power.tools,
      draw: (width) => this.power.draw(width),
      table: () => this.#powerTable(),
    });
    this.shared = new Map(SHARED.map((one) => [one.id, this.#sharedSection(one)]));
    this.#layout();
  }

  #sharedSection({ id, title, how, table }) {
    return new Section({
      id,
      title,
      how,
      draw: (width) => charts[id](this.data, width),
      table: table ? () => TABLES[table](this.data) : null,
    });
  }

  #layout() {
    const { heatmap, map, waterfall } = this.cells;
    const of = (id) => this.shared.get(id);
    this.metric = h("select", { id: "metric" });
    this.metric.addEventListener("change", () => this.setMetric(this.metric.value));
    this.bar = h(
      "div",
      { class: "bar-of-tokens", role: "region", "aria-label": "Token and metric" },
      h("label", {}, h("span", { class: "name" }, "Metric "), this.metric),
      this.player.element,
    );
    this.sections = [
      this.pipeline,
      this.timeline,
      of("phases"),
      heatmap,
      waterfall,
      map,
      of("tokens"),
      of("cumulative"),
      of("stack"),
      of("treemap"),
      of("sankey"),
      of("flame"),
      of("balance"),
    ];
    const links = this.sections.map((one) => {
      const link = h("a", { href: `#chart-${one.id}` }, one.title);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.scrollTo(one.id);
      });
      return link;
    });
    const before = [this.pipeline, this.timeline, of("phases")];
    const cells = [heatmap, waterfall, map];
    const after = this.sections.filter((one) => !before.includes(one) && !cells.includes(one));
    this.tokenBox = h(
      "div",
      { class: "token-box" },
      this.bar,
      h("div", { class: "strip-box" }, this.strip.element),
      cells.map((one) => one.element),
    );
    this.body = h(
      "div",
      {},
      h("nav", { class: "contents", "aria-label": "Charts" }, links),
      before.map((one) => one.element),
      this.tokenBox,
      after.map((one) => one.element),
    );
    this.root.classList.add("run-view");
    // The bar of the selected token stays below the head of the page.
    const shell = document.querySelector(".shell");
    const bottom = shell && getComputedStyle(shell).position === "sticky" ? shell.offsetHeight : 0;
    this.root.style.setProperty("--shell", `${bottom}px`);
    this.root.replaceChildren(this.head.element, this.body);
  }

  // Loads everything; each answer is shown when it arrives.
  async load() {
    this.#follow();
    const summary = this.#summary();
    await Promise.allSettled([summary, this.#charts(), this.#pipeline(), this.#texts()]);
  }

  async #summary() {
    try {
      const summary = await this.api.get(`${this.path}/summary`);
      if (this.isGone) return;
      this.summary = summary;
      this.#showHead();
      this.head.showCautions(summary);
      this.#metrics();
    } catch (error) {
      if (!this.isGone) this.#failed(error);
    }
  }

  // Without a summary the head says why; charts are shown nevertheless if they arrive.
  #failed(error) {
    const words = error.detail || error.message || String(error);
    const again = h("button", { type: "button" }, "Try again");
    again.addEventListener("click", () => this.load());
    if (error.status === 404 || error.status === 422) {
      const list = h("a", { href: "#/history" }, "All runs");
      this.head.title.textContent = "No such run";
      this.body.hidden = true;
      const next = error.remedy ? ` Next step: ${error.remedy}. ` : " ";
      this.head.notice(`${words}.${next}`.replace("..", "."), list);
      return;
    }
    this.head.notice(`The key figures cannot be shown: ${words}. `, again);
  }

  #showHead() {
    if (!this.data?.run && !this.summary?.run) return;
    const run = { ...this.summary?.run, ...this.data?.run };
    this.runId = run.run_id || run.id || this.data?.id;
    this.context.setRun?.(this.runId);
    document.title = `${run.name || run.model || "Run"} - energy`;
    this.head.show(run, this.summary, this.data);
  }

  #metrics() {
    const found = metricsOf(this.summary);
    const names = found.map((one) => one.name);
    this.metric.replaceChildren(
      ...found.map((one) => h("option", { value: one.name }, one.title)),
    );
    if (names.includes(this.cells.metric)) this.metric.value = this.cells.metric;
  }

  setMetric(name) {
    this.cells.setMetric(name);
    this.context.announce(`Metric: ${this.metric.selectedOptions[0]?.textContent}`);
  }

  async #charts() {
    try {
      const data = await this.api.get(`${this.path}/charts`);
      if (this.isGone) return;
      this.data = data;
      this.#showHead();
      this.#showCharts();
    } catch (error) {
      if (this.isGone) return;
      const parts = [this.timeline, ...this.shared.values(), ...this.cells.sections];
      for (const part of parts) part.fail(error, () => this.load());
    }
  }

  #showCharts() {
    const { data } = this;
    const power = `Power ${data.provenance}.`;
    if (data.timeline) {
      this.power.set(data);
      this.timeline.ready(power);
    } else this.timeline.empty(reasonOf(data, "There are no power samples of the run."));
    for (const { id, isDrawn, otherwise, basis } of SHARED) {
      const part = this.shared.get(id);
      if (isDrawn(data)) part.ready(`${basis} ${power}`);
      else part.empty(reasonOf(data, otherwise));
    }
    const tokens = this.pages.set(data.tokens);
    this.player.set(tokens);
    this.bar.hidden = this.strip.element.parentElement.hidden = !tokens;
    this.cells.set(data, tokens);
    if (tokens) this.#loadTokens(0);
    if (this.pipelineRows) this.#showPipeline();
  }

  // Facts of the tokens around a position; charts do not wait for them.
  async #loadTokens(position) {
    try {
      await this.pages.load(position);
    } catch (error) {
      this.context.announce(`Texts of tokens cannot be shown: ${error.detail || error.message}`);
    }
    if (this.isGone) return;
    const tokens = this.pages.block(position, this.player.count);
    this.strip.set(tokens);
    this.stripFrom = tokens[0]?.position;
    this.stripTo = tokens[tokens.length - 1]?.position;
    this.strip.mark(this.player.position);
    this.player.describeAgain();
  }

  #select(position) {
    if (position < this.stripFrom || position > this.stripTo) this.#loadTokens(position);
    else this.strip.mark(position);
  }

  async #pipeline() {
    try {
      this.pipelineAnswer = await this.api.get(`${this.path}/pipeline`);
      if (!this.isGone) this.#showPipeline();
    } catch (error) {
      if (!this.isGone) this.pipeline.fail(error, () => this.#pipeline());
    }
  }

  #showPipeline() {
    if (!this.pipelineAnswer) return;
    this.pipelineRows = pipelineOf(this.pipelineAnswer, this.data?.timeline);
    if (this.pipelineRows.phases.length) this.pipeline.ready();
    else this.pipeline.empty("No span of this run has the role phase.");
  }

  async #texts() {
    try {
      const texts = await this.api.get(`${this.path}/text`);
      if (!this.isGone) this.head.showTexts(texts);
    } catch {
      if (!this.isGone) this.head.showTexts({});
    }
  }

  #powerTable() {
    const range = this.power.range ? " in the shown range" : "";
    return tableOf(
      `Power of rails${range}`,
      [
        ["rail", (row) => row.rail],
        ["energy", (row) => row.energy_j, joules],
        ["average", (row) => row.avg_w, watts],
        ["peak", (row) => row.peak_w, watts],
        ["idle", (row) => row.idle_w, watts],
      ],
      this.power.rows(),
    );
  }

  // Messages of this run: it ended, its figures were replaced, or it was deleted.
  #follow() {
    if (this.unsubscribe || !this.context.socket?.subscribe) return;
    this.unsubscribe = this.context.socket.subscribe({
      runs: ["*"],
      detail: "power",
      message: ({ type, run }) => {
        if (!this.runId || run !== this.runId || this.isGone) return;
        if (type === "figures_replaced" || type === "inference_complete") this.#again();
        if (type === "run_deleted") {
          this.head.notice("This run was deleted; the page shows what was read before. ");
        }
      },
      reset: () => {},
    });
  }

  // Offers to load the run again, without moving what is being read.
  #again() {
    const again = h("button", { type: "button" }, "Show the new figures");
    again.addEventListener("click", () => {
      this.head.notices.replaceChildren();
      this.load();
    });
    this.head.notice("The figures of this run were replaced. ", again);
  }

  scrollTo(chart) {
    const part = chart && document.getElementById(`chart-${chart}`);
    if (!part) return;
    part.scrollIntoView({ block: "start" });
    const title = part.querySelector("h2");
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
  }

  // Draws all charts, in the light theme, before the page is printed.
  #print() {
    const element = document.documentElement;
    let theme;
    const before = () => {
      theme = element.dataset.theme;
      element.dataset.theme = "light";
      for (const section of this.sections) {
        section.drawnAt = 0;
        section.refresh(true);
      }
    };
    const after = () => {
      if (theme === undefined) delete element.dataset.theme;
      else element.dataset.theme = theme;
    };
    window.addEventListener("beforeprint", before);
    window.addEventListener("afterprint", after);
    return () => {
      window.removeEventListener("beforeprint", before);
      window.removeEventListener("afterprint", after);
    };
  }

  unmount() {
    this.isGone = true;
    this.player.stop();
    this.unsubscribe?.();
    for (const end of this.ends) end();
    for (const section of this.sections) section.unmount();
  }
}

// Shows a run in `root`; `params.id` is an id, a name, or `last`.
export function mount(root, params, context) {
  const view = new RunView(root, params, context);
  return {
    unmount: () => view.unmount(),
    update: ({ query }) => view.scrollTo(query?.get?.("chart")),
  };
}
