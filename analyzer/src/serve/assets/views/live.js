// Live view: power, layers and tokens of a run while it is being recorded.

import { isKnown, joules, percent, seconds, sum, watts } from "/assets/charts.js";
import { ApiError } from "../api.js";
import { card, choice, element, keepScroll, replace, setText, table } from "../dom.js";
import { chartFrame } from "../frame.js";
import { banner, stateOf } from "./live/banner.js";
import { cancelButton, startForm } from "./live/form.js";
import { LATEST, liveHeatmap, MEAN } from "./live/heatmap.js";
import { recordingList } from "./live/list.js";
import { powerChart, railColumns, railRows, words } from "./live/power.js";
import { LiveRun } from "./live/run.js";
import { operationTable, sectionTable } from "./live/spans.js";
import { tokenStream, tokenTable } from "./live/tokens.js";

// Charts are drawn five times a second, tables once.
const DRAW_MS = 200;
const TABLES = 5;
// Ended runs that stay on the page, and messages of a page of past ones.
const ENDED = 5;
const PAGE = 1000;
// Time between two questions whether a run has started.
const START_MS = 1000;
// Tokens that the speed is averaged over.
const SPEED_TOKENS = 20;

export function mount(root, params, context) {
  const view = new LiveView(root, context);
  view.start();
  return { unmount: () => view.stop(), update: () => {} };
}

class LiveView {
  constructor(root, context) {
    Object.assign(this, context);
    this.root = root;
    this.runs = new Map();
    this.own = new Set();
    this.chosen = null;
    this.database = null;
    this.ticks = 0;
    this.ends = [];
    this.build();
  }

  build() {
    this.banner = banner(this);
    this.list = recordingList((id) => this.choose(id));
    this.form = startForm({ api: this.api, started: (id) => this.startedHere(id) });
    this.cancel = cancelButton(this);
    this.figures = element("div", { class: "cards", "data-frame": "figures" });
    this.now = element("dl", { class: "facts now", "data-frame": "current" });
    this.buildFrames();
    const recordings = element(
      "div",
      { class: "aside" },
      this.list.element,
      this.cancel.element,
    );
    const content = element(
      "div",
      { class: "content" },
      this.figures,
      this.now,
      this.power.frame.element,
      this.stream.frame.element,
      this.heatmap.frame.element,
      this.spans.element,
    );
    replace(
      this.root,
      element("h1", {}, "Live"),
      this.banner.element,
      element("div", { class: "split" }, recordings, content, this.form.element),
    );
  }

  buildFrames() {
    const frame = (title, how, name) => chartFrame(title, { how, name });
    const power = frame(
      "Power",
      "Mean power of each sample, by rail. The background names the phase, dashes mark idle power, a triangle the peak.",
      "power",
    );
    this.seconds = choice(["20", "40", "60"], {}, "40");
    power.tools.append(label("Seconds", this.seconds));
    this.rails = element("div", {});
    power.element.append(this.rails);
    this.power = { frame: power, ...powerChart(power) };

    const stream = frame(
      "Tokens",
      "The generated text. The darker a token, the more energy it took; each can be read with the mouse or the arrow keys.",
      "tokens",
    );
    this.tokenDetails = element(
      "details",
      { class: "short", ontoggle: () => this.drawTokenTable() },
      element("summary", {}, "Tokens as a table"),
      element("div", {}),
    );
    stream.element.append(this.tokenDetails);
    this.stream = { frame: stream, ...tokenStream(stream) };

    const heatmap = frame(
      "Layers by component",
      "Energy of each component of each layer, for the latest token or on average.",
      "layers",
    );
    this.of = choice(
      [
        [LATEST, "latest token"],
        [MEAN, "mean of tokens"],
      ],
      {},
      LATEST,
    );
    heatmap.tools.append(label("Show", this.of));
    this.heatmap = { frame: heatmap, ...liveHeatmap(heatmap) };

    this.spans = frame(
      "Spans and operations",
      "Phases and sections as they end, and operations summed. Energies are entered when samples cover them.",
      "spans",
    );
    for (const control of [this.seconds, this.of]) {
      control.addEventListener("change", () => this.redraw());
    }
  }

  start() {
    this.ends.push(
      this.socket.subscribe({
        runs: ["*"],
        detail: "operations",
        message: (message) => this.receive(message),
        reset: () => this.load(),
        gap: (lost) => this.gap(lost),
      }),
      this.socket.watch((state) => {
        const isBack = state === "open" && this.connection !== "open";
        this.connection = state;
        if (isBack) this.load();
        this.showState();
      }),
    );
    const timer = setInterval(() => this.tick(), DRAW_MS);
    this.ends.push(() => clearInterval(timer));
    this.redraw();
  }

  stop() {
    this.isStopped = true;
    this.ends.forEach((end) => end());
    for (const one of [this.power, this.stream, this.heatmap]) one.frame.close();
    this.spans.close();
  }

  get run() {
    return this.runs.get(this.chosen) || null;
  }

  runOf(id) {
    let run = this.runs.get(id);
    if (!run) {
      run = new LiveRun(id);
      this.runs.set(id, run);
      this.forgetOld();
    }
    return run;
  }

  forgetOld() {
    const ended = [...this.runs.values()].filter((run) => !run.isRunning && run !== this.run);
    for (const run of ended.slice(0, Math.max(0, ended.length - ENDED))) this.runs.delete(run.id);
  }

  // Runs that are being recorded now, with what is known about their past.
  async load() {
    let status;
    try {
      status = await this.api.get("/status");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return;
    }
    this.database = status.database;
    const ids = [status.generating, status.recording].flat(2).filter((id) => typeof id === "string");
    for (const id of [status.generating].flat().filter((id) => typeof id === "string")) this.own.add(id);
    for (const id of new Set(ids)) {
      const run = this.runOf(id);
      await this.loadPast(run);
    }
    // Runs that ended while the page was disconnected.
    for (const run of this.runs.values()) {
      if (run.isRunning && !ids.includes(run.id) && run.heard) await this.loadPast(run);
    }
    this.chooseByItself();
    this.showState();
  }

  // Requests the messages of a run that the server still has.
  async loadPast(run) {
    let from;
    for (;;) {
      let page;
      try {
        page = await this.api.get(`/run/${encodeURIComponent(run.id)}/events`, {
          query: { from, limit: PAGE, detail: "operations" },
        });
      } catch (error) {
        if (error instanceof ApiError) return;
        throw error;
      }
      page.events.forEach((one) => run.apply(one));
      if (page.next > page.newest_seq || page.next === from) return;
      from = page.next;
    }
  }

  // Whether a run that was started here failed before it was recorded.
  async checkStart(run) {
    const address = `/generate/${encodeURIComponent(run.id)}`;
    while (this.runs.get(run.id) === run && run.isRunning && !run.heard && !this.isStopped) {
      await new Promise((done) => setTimeout(done, START_MS));
      try {
        const state = await this.api.get(address);
        if (state.status === "queued" || state.status === "running") continue;
        if (state.message) run.fail(state.message);
        return;
      } catch (error) {
        if (error.isAbsent) return;
        if (!(error instanceof ApiError)) throw error;
      }
    }
  }

  receive(message) {
    if (!message.run) return;
    if (message.type === "run_deleted") {
      this.runs.delete(message.run);
      if (this.chosen === message.run) this.chosen = null;
      this.redraw();
      return;
    }
    const isNew = !this.runs.has(message.run);
    // The end of an older run that this page knows nothing about.
    if (isNew && message.type === "figures_replaced") return;
    const run = this.runOf(message.run);
    run.apply(message);
    if (message.type === "inference_complete" && run === this.run) this.announceEnd(run);
    if (isNew || message.type === "run_started") this.chooseByItself();
  }

  gap(lost) {
    if (this.run) {
      this.run.lost += lost || 0;
      this.run.changed.add("status");
    }
  }

  startedHere(id) {
    this.own.add(id);
    this.choose(this.runOf(id).id);
    this.checkStart(this.run);
  }

  choose(id) {
    this.chosen = id;
    this.setRun(id);
    this.redraw();
  }

  // Follows the newest run, unless the chosen one still runs.
  chooseByItself() {
    const running = [...this.runs.values()].filter((run) => run.isRunning);
    if (this.run && this.run.isRunning) return;
    const newest = running[running.length - 1];
    if (newest && newest !== this.run) this.choose(newest.id);
  }

  announceEnd(run) {
    const { total_energy_j: energy, output_tokens: tokens } = run.result;
    this.announce(
      `${run.title}: ${run.status}, ${joules(energy)}${isKnown(tokens) ? `, ${tokens} tokens` : ""}`,
    );
  }

  showState() {
    this.banner.show({ connection: this.connection, run: this.run, database: this.database });
    const runs = [...this.runs.values()];
    this.list.show(runs.reverse(), this.chosen, this.own);
    const { run } = this;
    this.cancel.show(run && run.isRunning && this.own.has(run.id) ? run.id : null);
  }

  // Draws what changed since the last time.
  tick() {
    this.ticks += 1;
    if (document.hidden) return;
    const { run } = this;
    if (this.ticks % TABLES === 0) this.showState();
    if (!run || !run.changed.size) return;
    const changed = run.changed;
    if (changed.has("status")) this.showState();
    this.drawFigures();
    if (changed.has("current")) this.drawCurrent();
    if (changed.has("power") || changed.has("rails")) this.drawPower();
    if (changed.has("tokens") || changed.has("token energies")) this.drawTokens();
    if (changed.has("matrix") || changed.has("status")) this.drawHeatmap();
    for (const name of ["power", "rails", "tokens", "token energies", "matrix", "status", "current"]) {
      changed.delete(name);
    }
    if (this.ticks % TABLES === 0) {
      changed.clear();
      this.drawTables();
    }
  }

  redraw() {
    this.showState();
    this.drawFigures();
    this.drawCurrent();
    this.drawPower();
    this.drawTokens();
    this.drawHeatmap();
    this.drawTables();
  }

  drawFigures() {
    const { run } = this;
    this.figures.hidden = !run || !run.heard;
    if (this.figures.hidden) return;
    const made = figuresOf(run);
    // Values change in place, so that the page does not move.
    if (this.figures.childElementCount !== made.length) {
      replace(this.figures, made.map(([key, what]) => card(key, what, "", "")));
    }
    made.forEach(([key, what, value, detail, raw], at) => {
      const box = this.figures.children[at];
      box.dataset.key = key;
      box.dataset.v = raw ?? "";
      setText(box.children[0], what);
      setText(box.children[1], value);
      setText(box.children[2], detail);
    });
  }

  drawCurrent() {
    const { run } = this;
    const isShown = run && run.isRunning && Object.values(run.current).some((one) => one !== null);
    this.now.hidden = !isShown;
    if (!isShown) return;
    const names = ["phase", "section", "token", "layer", "component", "operation"];
    if (!this.now.childElementCount) {
      replace(
        this.now,
        names.map((name) => element("div", {}, element("dt", {}, name), element("dd", { "data-now": name }))),
      );
    }
    for (const name of names) {
      const value = run.current[name];
      setText(this.now.querySelector(`[data-now=${name}]`), isNone(value) ? "–" : String(value));
    }
  }

  drawPower() {
    const { run } = this;
    const { frame } = this.power;
    const state = stateOf(run);
    if (!run || run.power() === null) {
      frame.empty(
        {
          none: "No run is chosen.",
          starting: "The run starts.",
          waiting: "No power reading has arrived yet.",
        }[state] || "No power of this run was received: it may have none, or have ended before the page was opened.",
      );
      return;
    }
    this.power.show(run, Number(this.seconds.value));
  }

  drawTokens() {
    const { run } = this;
    const isEmpty = !run || !run.tokens.size;
    this.tokenDetails.hidden = isEmpty;
    if (isEmpty) {
      this.stream.frame.empty(
        run ? "No token has ended yet. Programs without tokens are shown below as spans." : "No run is chosen.",
      );
    } else this.stream.show(run);
  }

  drawTokenTable() {
    const { run } = this;
    if (run && run.tokens.size && this.tokenDetails.open) {
      const place = this.tokenDetails.lastElementChild;
      keepScroll(place, () => replace(place, tokenTable(run)));
    }
  }

  drawHeatmap() {
    const { run } = this;
    if (run && run.matrix.cells.size) {
      this.heatmap.show(run, this.of.value);
      return;
    }
    this.heatmap.frame.empty(
      run && run.tokens.size
        ? "This run records no layers. Depths layer, module and deep do."
        : run
          ? "No layer has ended yet."
          : "No run is chosen.",
    );
  }

  drawTables() {
    const { run } = this;
    this.drawTokenTable();
    replace(this.rails, run && run.rails.size ? railTable(run) : null);
    if (!run || !(run.open.size + run.sections.size + run.operations.size)) {
      this.spans.empty(run ? "No span has begun yet." : "No run is chosen.");
      return;
    }
    const figure = this.spans.figure;
    if (figure.contains(document.activeElement)) return;
    const none = () => element("p", { class: "note" }, "No operation has been recorded.");
    keepScroll(figure, () =>
      this.spans.draw(() => [sectionTable(run), run.operations.size ? operationTable(run) : none()]),
    );
  }
}

const isNone = (value) => value === null || value === undefined;

const label = (text, control) => element("label", { class: "choose" }, `${text} `, control);

const railTable = (run) =>
  element(
    "div",
    { class: "wide", tabindex: 0, role: "region", "aria-label": "Rails" },
    table(null, railColumns, railRows(run)),
  );

// Key figures: key, name, value, explanation, raw value.
function figuresOf(run) {
  const { result } = run;
  const energy = run.energy();
  const source = run.hasModelled ? words("modelled") : "root rails, idle power included";
  const tokens = run.tokenList();
  const known = tokens.filter((token) => isKnown(token.energy_j));
  const perToken = known.length ? sum(known.map((token) => token.energy_j)) / known.length : null;
  const recent = tokens.slice(-SPEED_TOKENS);
  const time = sum(recent.map((token) => token.duration_ms));
  const speed = time > 0 ? (recent.length * 1000) / time : null;
  if (result) {
    return [
      ["energy_j", "Energy", joules(result.total_energy_j), source, result.total_energy_j],
      ["duration_ms", "Time", seconds(ms(result.total_duration_ms)), run.status, result.total_duration_ms],
      [
        "tokens",
        "Tokens",
        isNone(result.output_tokens) ? "–" : String(result.output_tokens),
        isNone(result.input_tokens) ? "generated" : `generated, ${result.input_tokens} of the prompt`,
        result.output_tokens,
      ],
      ["j_per_token", "Per token", joules(result.j_per_token), "prompt and generated", result.j_per_token],
      ["tokens_per_second", "Speed", rate(result.tokens_per_second), "decode", result.tokens_per_second],
    ];
  }
  const since = energy && energy.from_ns > 1e9 ? `since ${seconds(energy.from_ns)} of the run` : "so far";
  const power = run.power();
  return [
    ["power_w", "Power now", watts(power), source, power],
    ["energy_j", "Energy", joules(energy && energy.energy_j), since, energy && energy.energy_j],
    ["tokens", "Tokens", String(tokens.length), coverage(tokens, known), tokens.length],
    ["j_per_token", "Per token", joules(perToken), "mean of generated tokens", perToken],
    ["tokens_per_second", "Speed", rate(speed), `last ${recent.length} tokens`, speed],
  ];
}

const ms = (value) => (isKnown(value) ? value * 1e6 : null);
const rate = (value) => (isKnown(value) ? `${value.toPrecision(3)} tokens/s` : "–");
const coverage = (tokens, known) =>
  tokens.length && known.length < tokens.length
    ? `generated, energy of ${percent(known.length / tokens.length)} known`
    : "generated";
