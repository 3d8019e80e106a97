// Experiments: each analysis of the chosen experiment with its sentence, plot and rows; the table of
// configurations, with the least energy per token first.

import { bounds, digits, isKnown, joules, percent, plotChart, UNKNOWN, watts, WORDS } from "/assets/charts.js";
import { isAborted } from "../api.js";
import { choice, element, field, replace, scrolling, setText, table } from "../dom.js";
import { chartFrame } from "../frame.js";
import { addressOf, StoredReads } from "./reads.js";
import { short } from "./runs.js";

const ALL = "";
// Time after a message until the analyses are read again.
const PAUSE_MS = 2000;
// Most series of an analysis with a sentence.
const SERIES = 8;
const CHANGES = ["inference_complete", "figures_replaced", "run_deleted"];

export function mount(root, params, context) {
  const view = new Experiments(root, context);
  view.update(params);
  return { unmount: () => view.stop(), update: (to) => view.update(to) };
}

class Experiments {
  constructor(root, context) {
    Object.assign(this, context);
    this.frames = [];
    this.experiment = choice([[ALL, "all runs"]]);
    this.kind = choice([[ALL, "all analyses"]]);
    this.status = element("p", { class: "note", role: "status" });
    this.results = element("div", {});
    for (const control of [this.experiment, this.kind]) {
      control.addEventListener("change", () => this.go());
    }
    replace(
      root,
      element("h1", {}, "Experiments"),
      element(
        "form",
        { class: "filters", "aria-label": "Choose an experiment" },
        field("Experiment", this.experiment),
        field("Analysis", this.kind),
      ),
      this.status,
      this.results,
    );
    this.reads = new StoredReads(this.socket, {
      changes: CHANGES,
      pause_ms: PAUSE_MS,
      read: (signal) => this.readAll(signal),
    });
  }

  stop() {
    this.reads.stop();
    this.close();
  }

  close() {
    for (const frame of this.frames) frame.close();
    this.frames = [];
  }

  go() {
    const chosen = { experiment: this.experiment.value, kind: this.kind.value };
    const given = Object.entries(chosen).filter(([, value]) => value !== ALL);
    this.navigate(addressOf("experiments", given));
  }

  update({ query }) {
    this.query = query;
    this.load();
  }

  load() {
    return this.reads.now();
  }

  async readAll(signal) {
    try {
      const list = await this.api.get("/analyses", { signal });
      this.show(list, signal);
    } catch (error) {
      if (!isAborted(error)) setText(this.status, error.detail || error.message);
    }
  }

  show({ analyses, experiments }, signal) {
    const [experiment, kind] = [this.query.get("experiment"), this.query.get("kind")];
    const names = experiments.map(({ name, complete }) => [
      name,
      `${short(name)} (${complete} complete ${complete === 1 ? "run" : "runs"})`,
    ]);
    this.fill(this.experiment, [[ALL, "all runs"], ...names], experiment);
    const kinds = analyses.map((one) => [one.kind, one.question]);
    this.fill(this.kind, [[ALL, "all analyses"], ...kinds], kind);
    this.close();
    const wanted = analyses.filter((one) => !kind || one.kind === kind);
    const frames = wanted.map((one) => {
      const frame = chartFrame(one.question, { name: `analysis-${one.kind}` });
      return { frame, kind: one.kind };
    });
    const cells = chartFrame("Configurations", {
      name: "configurations",
      how: "Means of the runs of each configuration, the least energy per token first.",
    });
    this.frames = [...frames.map(({ frame }) => frame), cells];
    replace(this.results, cells.element, frames.map(({ frame }) => frame.element));
    setText(this.status, "");
    this.read("/table", cells, signal, (answer) => this.showTable(cells, answer));
    for (const one of frames) {
      this.read(`/analyses/${one.kind}`, one.frame, signal, (answer) => this.showAnalysis(one, answer));
    }
  }

  fill(select, options, chosen) {
    if (document.activeElement === select && select.options.length === options.length) return;
    select.replaceChildren(
      ...options.map(([value, text]) =>
        element("option", { value, selected: value === (chosen || ALL) }, text),
      ),
    );
  }

  async read(path, frame, signal, show) {
    try {
      const query = { experiment: this.query.get("experiment") };
      show(await this.api.get(path, { query, signal }));
    } catch (error) {
      if (!isAborted(error)) frame.fail(error, () => this.load());
    }
  }

  showAnalysis({ frame }, answer) {
    const known = answer.findings.filter(({ verdict }) => verdict !== "not_estimable");
    const shown = known.length ? known : answer.findings.slice(0, 1);
    const sentences = element(
      "ul",
      { class: "answers" },
      shown.slice(0, SERIES).map(({ series, answer: words }) =>
        element("li", {}, series ? `${series}: ${words}` : words),
      ),
    );
    if (!known.length) {
      // Questions with an answer come first.
      this.results.append(frame.element);
      const notes = answer.notes.map((note) => element("p", { class: "note" }, note));
      frame.draw(() => [
        shown.length ? sentences : element("p", { class: "empty" }, "No run can be analysed."),
        ...notes,
      ]);
      return;
    }
    const more = known.length - SERIES;
    frame.draw((width) => [
      ...answer.notes
        .filter((note) => note.startsWith("Power"))
        .map((note) => element("p", { class: "caution" }, note)),
      sentences,
      more > 0 ? element("p", { class: "note" }, `and ${more} more series`) : null,
      ...answer.plots.flatMap((plot) => [
        element("h3", {}, plot.title),
        ...plotChart(plot, width),
      ]),
    ].filter(Boolean));
  }

  showTable(frame, { rows, notes }) {
    if (!rows.length) {
      frame.empty("No complete run has a known energy per token.");
      return;
    }
    const value = (row) => (isKnown(row.j_per_token) ? row.j_per_token : Infinity);
    const sorted = [...rows].sort((a, b) => value(a) - value(b));
    const area = scrolling("Table of configurations", table(null, COLUMNS, sorted, {
      "aria-label": "Configurations",
    }));
    frame.draw(() => [area, ...notes.map((note) => element("p", { class: "note" }, note))]);
  }
}

const COLUMNS = [
  ["per token", (row) => row.j_per_token, (value) => joules(value), "per"],
  [WORDS.interval, intervalOf, null, "interval"],
  ["model", (row) => short(row.model) || UNKNOWN, null, "model"],
  ["precision", (row) => row.precision || UNKNOWN, null, "precision"],
  ["engine", (row) => row.engine || UNKNOWN, null, "engine"],
  ["batch", (row) => row.batch, count, "batch"],
  ["prompt", (row) => row.prompt_tokens, count, "prompt"],
  ["output", (row) => row.output_tokens, count, "output"],
  ["runs", (row) => row.runs, count, "runs"],
  ["prefill", (row) => row.j_per_input_token, (value) => joules(value), "prefill"],
  ["decode", (row) => row.j_per_output_token, (value) => joules(value), "decode"],
  ["tokens/s", (row) => row.tokens_per_s, (value) => (isKnown(value) ? digits(value) : UNKNOWN), "speed"],
  ["peak", (row) => row.peak_w, (value) => watts(value), "peak"],
  ["of TDP", (row) => row.tdp_share, (value) => percent(value), "tdp"],
  ["power", (row) => row.provenance || UNKNOWN, null, "source"],
];

function intervalOf({ j_per_token_lo: lo, j_per_token_hi: hi }) {
  return isKnown(lo) ? element("span", { class: "interval" }, bounds(lo, hi)) : UNKNOWN;
}

function count(value) {
  return isKnown(value) ? String(Math.round(value)) : UNKNOWN;
}
