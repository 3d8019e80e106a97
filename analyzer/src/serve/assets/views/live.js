// Live view: power, layers and tokens of a run while it is being recorded.

import { isKnown, joules, TITLES } from "/assets/charts.js";
import { choice, element, keepScroll, replace } from "../dom.js";
import { chartFrame } from "../frame.js";
import { banner, stateOf } from "./live/banner.js";
import { currentPlace, keyFigures } from "./live/figures.js";
import { cancelButton } from "./live/cancel.js";
import { StartForm } from "./live/form.js";
import { LATEST, LiveHeatmap, MEAN } from "./live/heatmap.js";
import { recordingList } from "./live/list.js";
import { LivePower } from "./live/power.js";
import { railTable } from "./live/rails.js";
import { LiveRuns } from "./live/runs.js";
import { operationTable, sectionTable } from "./live/spans.js";
import { TokenStream, tokenTable } from "./live/tokens.js";

// Charts are drawn five times a second, tables once.
const DRAW_MS = 200;
const TABLES = 5;
// Of a run that ended before the page was opened, or that records no such thing.
const NOT_RECEIVED = "None was received of this run. The Run view shows what is stored.";

export function mount(root, params, context) {
  const view = new LiveView(root, context);
  const choose = ({ query }) => {
    view.runs.wanted = query.get("run");
  };
  choose(params);
  view.start();
  const update = (to) => {
    choose(to);
    view.runs.load();
  };
  return { unmount: () => view.stop(), update };
}

class LiveView {
  constructor(root, context) {
    Object.assign(this, context);
    this.root = root;
    this.ticks = 0;
    this.ends = [];
    this.build();
    this.runs = new LiveRuns({
      api: this.api,
      socket: this.socket,
      changed: () => this.showRun(),
      ended: (run) => this.announceEnd(run),
    });
  }

  build() {
    this.banner = banner(this);
    this.list = recordingList((id) => this.runs.choose(id));
    this.form = new StartForm({
      api: this.api,
      started: (id, status) => this.runs.startedHere(id, status),
    });
    this.cancel = cancelButton(this);
    this.figures = keyFigures();
    this.now = currentPlace();
    this.buildFrames();
    const recordings = element("div", { class: "aside" }, this.list.element, this.cancel.element);
    const content = element(
      "div",
      { class: "content" },
      this.figures.element,
      this.now.element,
      this.power.frame.element,
      this.stream.frame.element,
      this.heatmap.frame.element,
      this.spans.element,
    );
    this.split = element("div", { class: "split" }, recordings, content, this.form.element);
    replace(this.root, element("h1", {}, "Live"), this.banner.element, this.split);
  }

  buildFrames() {
    const frame = (title, how, name) => chartFrame(title, { how, name });
    const power = frame(
      TITLES.timeline,
      "Mean power of each sample, by rail. The background names the phase, dashes mark idle power, a triangle the peak.",
      "power",
    );
    this.seconds = choice(["20", "40", "60"], {}, "40");
    power.tools.append(label("Seconds", this.seconds));
    this.rails = element("div", {});
    power.element.append(this.rails);
    this.power = new LivePower(power);

    const stream = frame(
      "Generated text",
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
    this.stream = new TokenStream(stream);

    const heatmap = frame(
      TITLES.heatmap,
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
    this.heatmap = new LiveHeatmap(heatmap);

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
      () => this.runs.stop(),
      this.socket.watch((state) => {
        const isBack = state === "open" && !["open", "silent"].includes(this.connection);
        this.connection = state;
        if (isBack) this.runs.load();
        this.showState();
        this.showFigures();
      }),
    );
    const timer = setInterval(() => this.tick(), DRAW_MS);
    this.ends.push(() => clearInterval(timer));
    this.redraw();
  }

  stop() {
    this.ends.forEach((end) => end());
    for (const one of [this.power, this.stream, this.heatmap]) one.frame.close();
    this.spans.close();
  }

  get run() {
    return this.runs.chosen;
  }

  announceEnd(run) {
    const { energy_j: energy, output_tokens: tokens } = run.stored || {
      energy_j: run.result.total_energy_j,
      output_tokens: run.result.output_tokens,
    };
    this.announce(
      `${run.title}: ${run.status}, ${joules(energy)}${isKnown(tokens) ? `, ${tokens} tokens` : ""}`,
    );
  }

  // Draws the chosen run, which may be another one.
  showRun() {
    if (this.run) this.setRun(this.run.id);
    this.redraw();
  }

  showState() {
    const { run, runs } = this;
    this.banner.show({ connection: this.connection, run, database: runs.database });
    this.split.classList.toggle("no-run", !run);
    this.split.classList.toggle("stale", this.isStale);
    this.list.show(runs.list(), runs.chosenId, runs.own, this.isStale);
    this.cancel.show(run && run.isRunning && runs.own.has(run.id) ? run.id : null);
  }

  // Without a connection nothing is known about now.
  showFigures() {
    this.figures.show(this.run, this.isStale);
  }

  get isStale() {
    return this.connection !== undefined && this.connection !== "open";
  }

  // Draws what changed since the last time.
  tick() {
    this.ticks += 1;
    if (document.hidden) return;
    const { run } = this;
    const isTables = this.ticks % TABLES === 0;
    if (isTables) {
      for (const one of this.runs.list()) one.keepShown();
      this.showState();
    }
    if (!run) return;
    const { changed } = run;
    if (changed.size) this.isTableDue = true;
    if (isTables && this.isTableDue) {
      this.isTableDue = false;
      this.showFigures();
      this.drawTables();
    }
    if (!changed.size) return;
    if (changed.has("status")) this.showState();
    this.showFigures();
    if (changed.has("current")) this.now.show(this.run);
    if (changed.has("power") || changed.has("rails")) this.drawPower();
    if (changed.has("tokens") || changed.has("token energies")) this.drawTokens();
    if (changed.has("matrix") || changed.has("status")) this.drawHeatmap();
    changed.clear();
  }

  redraw() {
    this.showState();
    this.showFigures();
    this.now.show(this.run);
    this.drawPower();
    this.drawTokens();
    this.drawHeatmap();
    this.drawTables();
  }

  drawPower() {
    const { run } = this;
    const { frame } = this.power;
    const state = stateOf(run);
    if (!run || !run.hasPower) {
      frame.empty(
        {
          none: "No run is chosen.",
          starting: "The run starts.",
          waiting: "No power reading has arrived yet.",
        }[state] ||
          "No power of this run was received: it may have none, or have ended before the page was opened.",
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
        !run
          ? "No run is chosen."
          : run.isRunning
            ? "No token has ended yet. Programs without tokens are shown below as spans."
            : NOT_RECEIVED,
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
      run && run.tokens.size && run.isFilled
        ? "This run records no layers. Depths layer, module and deep do."
        : run
          ? run.isRunning
            ? "No layer has ended yet."
            : NOT_RECEIVED
          : "No run is chosen.",
    );
  }

  drawTables() {
    const { run } = this;
    this.drawTokenTable();
    replace(this.rails, run && run.rails.size ? railTable(run) : null);
    if (!run || !(run.open.size + run.sections.size + run.operations.size)) {
      const none = run && !run.isRunning ? NOT_RECEIVED : "No span has begun yet.";
      this.spans.empty(run ? none : "No run is chosen.");
      return;
    }
    const figure = this.spans.figure;
    if (figure.contains(document.activeElement)) return;
    const none = () => element("p", { class: "note" }, "No operation has been recorded.");
    keepScroll(figure, () =>
      this.spans.draw(() => [
        sectionTable(run),
        run.operations.size ? operationTable(run) : none(),
      ]),
    );
  }
}

const label = (text, control) => element("label", { class: "choose" }, `${text} `, control);
