// The parts of the view and their order; the view fills them with data.

import {
  charts,
  h,
  hideTip,
  joules,
  percent,
  provenanceWords,
  TITLES,
  watts,
  WORDS,
} from "/assets/charts.js";
import { table } from "../../dom.js";
import { CellCharts } from "./cell_charts.js";
import { CellStore } from "./cells.js";
import { Head } from "./head.js";
import { PipelineTable } from "./pipeline.js";
import { TokenPlayer } from "./player.js";
import { PowerZoom } from "./power.js";
import { Section } from "./section.js";
import { SHARED } from "./shared.js";
import { onTheme } from "./shades.js";
import { TABLES } from "./tables.js";
import { TokenStrip } from "./token_strip.js";

export class RunPage {
  // `pages` are the facts of tokens.
  constructor(root, { id, api, announce, pages }) {
    Object.assign(this, { root, id });
    this.player = new TokenPlayer({ describe: (position) => pages.words(position) });
    this.strip = new TokenStrip((position) => this.player.select(position));
    this.table = new PipelineTable();
    this.head = new Head();
    this.power = new PowerZoom({ api, id, announce, changed: () => this.timeline?.redraw() });
    this.store = new CellStore(api, id);
    this.cells = new CellCharts({ api, id, store: this.store, player: this.player, announce });
    this.#sections();
    this.#layout();
    this.ends = [onTheme(() => this.cells.recolour()), this.#print()];
  }

  #sections() {
    this.pipeline = new Section({
      id: "pipeline",
      title: TITLES.pipeline,
      how: "When each phase ran, and its energy; open a phase to see its sections.",
      draw: () => this.table.build(this.pipelineRows, this.data?.heads || []),
    });
    this.timeline = new Section({
      id: "timeline",
      title: TITLES.timeline,
      how:
        "Lines are mean power; the shade spans the lowest to the highest sample of a step. Bands " +
        "are phases with time and energy, dashed lines idle power, triangles peaks, short lines " +
        "tokens. Drag to zoom; on the chart, + and - zoom, comma and period move, 0 shows all.",
      tools: this.power.tools,
      draw: (width) => this.power.draw(width),
      table: () => this.#powerTable(),
    });
    this.shared = new Map(SHARED.map((one) => [one.id, this.#sharedSection(one)]));
  }

  #sharedSection({ id, how, values }) {
    return new Section({
      id,
      title: TITLES[id],
      how,
      draw: (width) => charts[id](this.data, width),
      table: () => TABLES[values](this.data),
    });
  }

  #layout() {
    const { heatmap, map, waterfall } = this.cells;
    const of = (id) => this.shared.get(id);
    this.metric = h("select", { id: "metric" });
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
      const address = `#/run/${encodeURIComponent(this.id)}?chart=${one.id}`;
      const link = h("a", { href: address }, one.title);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        window.history.replaceState(null, "", address);
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

  // Shows the controls of tokens if the run has any.
  showTokens(isShown) {
    this.bar.hidden = !isShown;
    this.strip.element.parentElement.hidden = !isShown;
  }

  #powerTable() {
    const range = this.power.range ? `, ${this.power.out.textContent}` : "";
    return table(
      `Power of rails${range}`,
      [
        [WORDS.rail, (row) => row.rail],
        [WORDS.energy, (row) => row.energy_j, joules, "energy_j"],
        [WORDS.average, (row) => row.avg_w, watts, "avg_w"],
        [WORDS.peak, (row) => row.peak_w, watts, "peak_w"],
        [WORDS.idle, (row) => row.idle_w, watts],
        ["time with samples", (row) => row.covered, percent, "covered"],
        [WORDS.provenance, (row) => provenanceWords(row.provenance)],
      ],
      this.power.rows(),
      { of: (row) => ({ "data-rail": row.rail }) },
    );
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
    hideTip();
    this.player.stop();
    for (const end of this.ends) end();
    for (const section of this.sections) section.unmount();
  }
}
