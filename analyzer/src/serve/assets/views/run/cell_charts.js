// The charts of cells: heatmap of the selected token, map of tokens by layers, and stacks of
// tokens. They share a metric, a block of tokens and the selected token.

import { charts, h, provenanceWords, TITLES } from "/assets/charts.js";
import { rampOf, rangeOf } from "../shades.js";
import { BLOCK } from "./cells.js";
import { cellsTable, columnsTable, mapTable } from "./cell_tables.js";
import { TokenColumns } from "./columns.js";
import { TokenHeatmap } from "./heatmap.js";
import { thresholdOf, TokenMap } from "./map.js";
import { formatOf, isFromZero, metricOf } from "./metrics.js";
import { OperationsPanel } from "./operations.js";
import { readout, Section } from "./section.js";
import { LEDGER } from "./shared.js";
import { TABLES } from "./tables.js";
import { TokenWaterfall } from "./waterfall.js";

const NO_TOKENS = "No span of this run has the role token.";
const NO_CELLS =
  "No layer or component of a token was recorded. Runs of depth layer, module or deep record them.";

export class CellCharts {
  constructor({ api, id, store, player, announce }) {
    Object.assign(this, { api, id, store, player, announce, metric: "energy", request: 0 });
    this.position = 0;
    this.#heatmap();
    this.#map();
    this.#waterfall();
    this.sections = [this.heatmap, this.waterfall, this.map];
    player.onSelect((position) => this.step(position));
  }

  #heatmap() {
    this.read = readout();
    this.panel = new OperationsPanel({
      api: this.api,
      id: this.id,
      announce: this.announce,
      closed: () => this.heat.canvas?.focus({ preventScroll: true }),
    });
    this.heat = new TokenHeatmap({
      read: (cell) => this.#readCell(cell),
      open: (cell) => this.#openCell(cell),
    });
    this.scope = h(
      "select",
      {},
      h("option", { value: "token" }, "the selected token"),
      h("option", { value: "all" }, "all tokens and phases"),
    );
    this.scope.addEventListener("change", () => this.heatmap.redraw());
    this.heatmap = new Section({
      id: "heatmap",
      title: TITLES.heatmap,
      how:
        "Rows are layers, columns are components; a stronger shade is more. Arrow keys move from " +
        "cell to cell; a click, or Enter, lists the operations of the cell in the selected token.",
      tools: [h("label", {}, "Cells of ", this.scope)],
      draw: (width) => this.#drawHeatmap(width),
      table: () => this.#heatmapTable(),
    });
  }

  #map() {
    this.mapRead = readout();
    this.layers = new TokenMap({
      read: (words) => {
        this.mapRead.textContent = words;
      },
      select: (position) => this.player.select(position),
    });
    this.threshold = thresholdOf(this.layers);
    this.map = new Section({
      id: "map",
      title: TITLES.map,
      how:
        "Columns are tokens, rows are layers. Cells below the threshold are blank. A click, or " +
        "Enter, selects the token.",
      draw: (width) => this.#drawMap(width),
      table: () => mapTable(this.layers),
    });
  }

  #waterfall() {
    this.stackRead = readout();
    this.columns = new TokenColumns({
      read: (words) => {
        this.stackRead.textContent = words;
      },
      select: (position) => this.player.select(position),
    });
    this.steps = new TokenWaterfall();
    this.waterfall = new Section({
      id: "waterfall",
      title: TITLES.waterfall,
      how:
        "Each column is one token, stacked by component. Below it, the selected token: each " +
        "component begins where the one before it ends.",
      draw: (width) => this.#drawWaterfall(width),
      table: () => columnsTable(this.columns),
    });
  }

  // Sets the charts of the run; `tokens` is their number.
  set(run, tokens) {
    this.run = run;
    this.tokens = tokens;
    this.position = this.player.position;
    if (!tokens) {
      for (const section of [this.map, this.waterfall]) section.empty(NO_TOKENS);
      this.scope.value = "all";
      this.scope.parentElement.hidden = true;
      if (run.matrix) this.heatmap.ready();
      else this.heatmap.empty("No span has the role layer or component.");
      return;
    }
    this.load();
  }

  setMetric(name) {
    this.metric = name;
    if (this.tokens) this.load();
  }

  // Reads the blocks with the selected token, and draws all charts.
  async load() {
    this.request += 1;
    const request = this.request;
    const metric = metricOf(this.metric);
    const stacked = metric.sums ? this.metric : "energy";
    try {
      const blocks = [this.metric, stacked].map((name) => this.store.block(name, this.position));
      const [block, stack] = await Promise.all(blocks);
      if (request !== this.request) return;
      Object.assign(this, { block, stack });
      this.#ready(metric);
    } catch (error) {
      if (request !== this.request) return;
      for (const section of this.sections) section.fail(error, () => this.load());
    }
  }

  #ready(metric) {
    const { block, stack } = this;
    const power = `; power ${provenanceWords(block.provenance)}`;
    const what = this.metric === "energy" ? "Active energy of spans" : metric.title;
    const words = what + (["energy", "power"].includes(this.metric) ? power : "");
    this.words = words;
    const last = block.from + block.tokens.length - 1;
    const shown = this.tokens > BLOCK ? `; tokens at positions ${block.from} to ${last}` : "";
    const isEmpty = !block.values.length || !block.hasValues;
    if (isEmpty && !block.values.length && this.run.matrix) this.scope.value = "all";
    const isWhole = this.scope.value === "all" && this.run.matrix && this.metric === "energy";
    if (isEmpty && !isWhole) this.heatmap.empty(this.#emptyWords(metric));
    else this.heatmap.ready(words);
    if (isEmpty) this.map.empty(this.#emptyWords(metric));
    else this.map.ready(words + shown);
    const base = metric.sums
      ? words
      : `Energy, because ${metric.title.toLowerCase()} does not sum${power}`;
    if (stack.values.length && stack.hasValues) this.waterfall.ready(base + shown);
    else this.waterfall.empty(NO_CELLS);
  }

  #emptyWords(metric) {
    if (!this.block.values.length) return NO_CELLS;
    return `${metric.title} was not recorded for these tokens. Statistics of activations are recorded with \`energy run --stats\`.`;
  }

  // Shows another token; without loading if its block is there.
  step(position) {
    this.position = position;
    const { block } = this;
    if (!block) return;
    const at = position - block.from;
    if (at < 0 || at >= block.tokens.length) {
      this.load();
      return;
    }
    if (this.heat.canvas?.isConnected && !this.isAll) this.#drawCells();
    if (this.layers.canvas?.isConnected) this.layers.draw(at);
    if (this.columns.canvas?.isConnected) this.columns.draw(at);
    if (this.steps.canvas?.isConnected) this.steps.draw(at);
  }

  get isAll() {
    return this.scope.value === "all";
  }

  get at() {
    const last = Math.max(0, this.block.tokens.length - 1);
    return Math.max(0, Math.min(last, this.position - this.block.from));
  }

  #drawHeatmap(width) {
    if (this.isAll && this.run.matrix && (this.metric === "energy" || !this.block)) {
      this.panel.close();
      this.heatmap.basis.textContent = `${LEDGER} Power ${this.run.provenance}.`;
      return charts.heatmap(this.run, width);
    }
    this.heatmap.basis.textContent = this.words;
    const { block } = this;
    const { sums } = metricOf(this.metric);
    this.format = formatOf(this.metric, block.unit);
    const canvas = this.heat.build(width, block);
    const range = this.#drawCells();
    const words = this.isAll
      ? sums
        ? "sums of the shown tokens"
        : "means of the shown tokens"
      : "";
    const ramp = h("div", { class: "ramp" }, rampOf(range, this.format, words));
    return [canvas, this.read, ramp, this.panel.element];
  }

  #drawCells() {
    const { sums } = metricOf(this.metric);
    const cells = this.isAll ? this.block.allTokens(sums) : this.block.token(this.at);
    const zero = isFromZero(this.metric);
    const range = this.isAll ? rangeOf(cells, zero) : this.block.range(zero);
    this.heat.draw(cells, range, this.format);
    if (this.heat.cell) this.#readCell(this.heat.cell);
    return range;
  }

  get tokenNumber() {
    return this.block.number(this.at);
  }

  get where() {
    return this.isAll ? "shown tokens" : `token ${this.tokenNumber}`;
  }

  #readCell({ layer, component, words }) {
    this.read.textContent = `${this.where}, ${layer}, ${component}: ${words}`;
  }

  #openCell({ layer, component }) {
    if (this.isAll) {
      this.announce("Choose the selected token to list operations");
      return;
    }
    this.panel.open({ token: this.tokenNumber, position: this.position, layer, component });
  }

  #drawMap(width) {
    const { sums } = metricOf(this.metric);
    const values = this.block.byLayer(sums);
    const range = this.block.layerRange(sums, isFromZero(this.metric));
    const format = formatOf(this.metric, this.block.unit);
    this.layers.selected = this.at;
    const canvas = this.layers.build(width, this.block, { values, range, format, sums });
    this.threshold.set();
    const words = sums ? "sums over components" : "means over components";
    const ramp = h("div", { class: "ramp" }, rampOf(range, format, words));
    return [this.threshold.element, canvas, this.mapRead, ramp];
  }

  #drawWaterfall(width) {
    const { stack } = this;
    const metric = metricOf(this.metric).sums ? this.metric : "energy";
    const format = formatOf(metric, stack.unit);
    this.columns.selected = this.at;
    const canvas = this.columns.build(width, stack, { format, unit: stack.unit });
    const steps = this.steps.build(width, stack, { ...this.columns, format });
    this.steps.draw(this.at);
    return [canvas, this.stackRead, this.columns.legend(), steps];
  }

  #heatmapTable() {
    if (this.isAll && this.run.matrix && this.metric === "energy") return TABLES.matrix(this.run);
    return cellsTable(this.heat, `${metricOf(this.metric).title} of ${this.where}`);
  }

  // Draws with the colours of another theme.
  recolour() {
    for (const section of this.sections) section.redraw();
  }
}
