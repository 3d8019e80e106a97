// One stored run: key figures, then charts that are drawn as they come into view.

import { h } from "/assets/charts.js";
import { metricsOf } from "./run/metrics.js";
import { RunPage } from "./run/page.js";
import { pipelineOf } from "./run/pipeline.js";
import { LEDGER, SHARED, reasonOf } from "./run/shared.js";
import { TokenPages } from "./run/token_pages.js";
import { phaseOrder, sourceOf } from "./runs.js";

class RunView {
  constructor(root, params, context) {
    const id = params.id || "last";
    const { api, announce } = context;
    this.isLast = id === "last";
    Object.assign(this, { context, api, path: `/run/${encodeURIComponent(id)}` });
    this.pages = new TokenPages(api, id);
    this.page = new RunPage(root, { id, api, announce, pages: this.pages });
    this.page.player.onSelect((position) => this.#select(position));
    this.page.metric.addEventListener("change", () => this.#setMetric());
    this.load().then(() => this.page.scrollTo(params.query?.get?.("chart")));
  }

  // Loads everything; each answer is shown when it arrives. Nothing else is requested if there is
  // no such run, or while it is being recorded.
  async load() {
    this.data = this.summary = undefined;
    const isReady = await this.#head();
    if (!isReady || this.isGone) return;
    const rest = [this.#summary(), this.#charts(), this.#pipeline(), this.#texts()];
    await Promise.allSettled(rest);
  }

  // The row of the run comes long before its summary. Returns whether there is more to read; if the
  // row cannot be read for another reason, the summary states why.
  async #head() {
    try {
      const { run } = await this.api.get(`${this.path}/head`);
      if (this.isGone || !run) return true;
      this.row = run;
      this.#showHead();
      this.page.body.hidden = run.status === "running";
      return run.status !== "running";
    } catch (error) {
      if (error.status === undefined) throw error;
      const isMissing = error.status === 404 || error.status === 422;
      if (isMissing && !this.isGone) this.#failed(error);
      return !isMissing;
    }
  }

  async #summary() {
    try {
      const summary = await this.api.get(`${this.path}/summary`);
      if (this.isGone) return;
      this.summary = summary;
      this.#showHead();
      this.page.head.showCautions(summary);
      this.#metrics();
    } catch (error) {
      if (!this.isGone) this.#failed(error);
    }
  }

  // Without a summary the head states why; charts are shown if they arrive.
  #failed(error) {
    const words = error.detail || error.message || String(error);
    const again = h("button", { type: "button" }, "Try again");
    again.addEventListener("click", () => this.load());
    if (error.status === 404 || error.status === 422) {
      const list = h("a", { href: "#/history" }, "All runs");
      this.page.body.hidden = true;
      if (error.status === 404 && this.isLast) {
        this.page.head.title.textContent = "No runs yet";
        const live = h("a", { href: "#/live" }, "Live view");
        this.page.head.notice("This file has no runs yet. Start one in the ", live, ".");
        return;
      }
      this.page.head.title.textContent = "No such run";
      const next = error.remedy ? ` Next step: ${error.remedy}. ` : " ";
      this.page.head.notice(`${words}.${next}`.replace("..", "."), list);
      return;
    }
    this.page.head.notice(`The key figures cannot be shown: ${words}. `, again);
  }

  #showHead() {
    if (!this.row && !this.data?.run && !this.summary?.run) return;
    const run = { ...this.summary?.run, ...(this.data?.run || this.row) };
    this.runId = run.run_id || run.id || this.data?.id;
    this.context.setRun?.(this.runId);
    document.title = `${run.name || run.model || "Run"} - energy`;
    this.page.head.show(run, this.summary, this.data);
    this.#follow();
    if (run.status === "running") {
      this.page.head.cards.replaceChildren();
      const live = h(
        "a",
        { href: `#/live?run=${encodeURIComponent(this.runId)}` },
        "watch it live",
      );
      this.page.head.notice("This run is being recorded. Its figures are shown here when it has ended. You can ", live, ".");
    }
  }

  #metrics() {
    const found = metricsOf(this.summary);
    const names = found.map((one) => one.name);
    this.page.metric.replaceChildren(
      ...found.map((one) => h("option", { value: one.name }, one.title)),
    );
    if (names.includes(this.page.cells.metric)) this.page.metric.value = this.page.cells.metric;
  }

  #setMetric() {
    const { metric, cells } = this.page;
    cells.setMetric(metric.value);
    this.context.announce(`Metric: ${metric.selectedOptions[0]?.textContent}`);
  }

  async #charts() {
    try {
      const data = await this.api.get(`${this.path}/charts`);
      if (this.isGone) return;
      data.heads = phaseOrder(data.heads || []);
      this.data = this.page.data = data;
      this.#showHead();
      this.#showCharts();
    } catch (error) {
      if (this.isGone) return;
      const parts = [this.page.timeline, ...this.page.shared.values(), ...this.page.cells.sections];
      for (const part of parts) part.fail(error, () => this.load());
    }
  }

  #showCharts() {
    const { data } = this;
    const power = `Power ${data.provenance}.`;
    if (data.timeline) {
      this.page.power.set(data);
      this.page.timeline.ready(power);
    } else this.page.timeline.empty(reasonOf(data, "There are no power samples of the run."));
    for (const { id, isDrawn, otherwise, basis } of SHARED) {
      const part = this.page.shared.get(id);
      if (isDrawn(data)) part.ready(`${basis} ${power}`);
      else part.empty(reasonOf(data, otherwise));
    }
    this.page.store.clear();
    const tokens = this.pages.set(data.tokens);
    // The first token is often computed by prefill, and then has no layers of its own.
    this.page.player.set(tokens, tokens > 1 && data.tokens.bars[0].note ? 1 : 0);
    this.page.showTokens(tokens > 0);
    this.page.cells.set(data, tokens);
    if (tokens) this.#loadTokens(this.page.player.position);
    this.#showPipeline();
  }

  // Facts of the tokens around a position; charts do not wait for them.
  async #loadTokens(position) {
    try {
      await this.pages.load(position);
    } catch (error) {
      this.context.announce(`Texts of tokens cannot be shown: ${error.detail || error.message}`);
    }
    if (this.isGone) return;
    const tokens = this.pages.block(position, this.page.player.count);
    this.page.strip.set(tokens);
    this.stripFrom = tokens[0]?.position;
    this.stripTo = tokens[tokens.length - 1]?.position;
    this.page.strip.mark(this.page.player.position);
    this.page.player.describeAgain();
  }

  #select(position) {
    if (position < this.stripFrom || position > this.stripTo) this.#loadTokens(position);
    else this.page.strip.mark(position);
  }

  async #pipeline() {
    try {
      this.pipelineAnswer = await this.api.get(`${this.path}/pipeline`);
      if (!this.isGone) this.#showPipeline();
    } catch (error) {
      if (!this.isGone) this.page.pipeline.fail(error, () => this.#pipeline());
    }
  }

  #showPipeline() {
    if (!this.pipelineAnswer) return;
    this.page.pipelineRows = pipelineOf(this.pipelineAnswer, this.data?.timeline);
    if (this.page.pipelineRows.phases.length) this.page.pipeline.ready(`${LEDGER} Power ${sourceOf(this.row || {})}.`);
    else this.page.pipeline.empty("No span of this run has the role phase.");
  }

  async #texts() {
    try {
      const texts = await this.api.get(`${this.path}/text`);
      if (this.isGone) return;
      this.page.head.showTexts(texts);
      this.pages.setTexts(texts.tokens);
      if (this.page.player.count) this.#loadTokens(this.page.player.position);
    } catch {
      if (!this.isGone) this.page.head.showTexts({});
    }
  }

  // Messages of this run: it ended, its figures were replaced, or it was deleted.
  #follow() {
    if (this.unsubscribe || !this.context.socket?.subscribe) return;
    this.unsubscribe = this.context.socket.subscribe({
      runs: [this.runId],
      detail: "power",
      message: ({ type, run }) => {
        if (run !== this.runId || this.isGone) return;
        const isChanged = type === "figures_replaced" || type === "inference_complete";
        if (isChanged && this.row?.status === "running") this.#ended();
        else if (isChanged) this.#again();
        if (type === "run_deleted") {
          this.page.head.notice("This run was deleted; the page shows what was read before. ");
        }
      },
    });
  }

  // The run that was being recorded has ended.
  #ended() {
    this.page.head.notices.replaceChildren();
    this.load();
  }

  // Offers to load the run again, without moving what is being read.
  #again() {
    const again = h("button", { type: "button" }, "Show the new figures");
    again.addEventListener("click", () => {
      this.page.head.notices.replaceChildren();
      this.load();
    });
    this.page.head.notice("The figures of this run were replaced. ", again);
  }

  unmount() {
    this.isGone = true;
    this.unsubscribe?.();
    this.page.unmount();
  }
}

// Shows a run in `root`; `params.id` is an id, a name, or `last`.
export function mount(root, params, context) {
  const view = new RunView(root, params, context);
  return {
    unmount: () => view.unmount(),
    update: ({ query }) => view.page.scrollTo(query?.get?.("chart")),
  };
}
