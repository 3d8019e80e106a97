// Compare: two to four runs or groups; ratios with intervals and verdicts; runs over each other.

import { charts, sortable, TITLES } from "/assets/charts.js";
import { isAborted } from "../api.js";
import { button, element, replace, setText } from "../dom.js";
import { chartFrame } from "../frame.js";
import { acrossOf } from "./compare/across.js";
import { chooser, DIFFERENT } from "./compare/chooser.js";
import { powerOverlay } from "./compare/power.js";
import { differenceTable, notes, ratioTable, verdictCards } from "./compare/tables.js";
import { tokenOverlay } from "./compare/tokens.js";
import { isModelled, short } from "./runs.js";

// The option of the command that messages name; here it is a box to tick.
const OPTION = /compare them with --allow-different|`?--allow-different`?/;
// Runs of each side that are drawn over each other.
const RUNS = 3;

export function mount(root, params, context) {
  const view = new Compare(root, context);
  view.update(params);
  return { unmount: () => view.stop(), update: (to) => view.update(to) };
}

class Compare {
  constructor(root, context) {
    Object.assign(this, context);
    this.chooser = chooser({ api: this.api, changed: (what) => this.go(what) });
    const frame = (title, name, how) => chartFrame(title, { name, how });
    this.verdict = frame("Result", "verdict", "How the energy of each side compares with A.");
    this.chart = frame(
      "Runs and ratios",
      "compare",
      "Marks are single runs with the interval of their attribution. Ratios are relative to A: below one is less energy.",
    );
    this.ratios = frame("Ratios in numbers", "ratios");
    this.power = frame(TITLES.timeline, "power", "Sum of root rails over time, each run from its start.");
    this.tokens = frame(TITLES.tokens, "tokens", "Energy of each token, in order.");
    this.frames = [this.verdict, this.chart, this.ratios, this.power, this.tokens];
    this.result = element(
      "div",
      {},
      this.frames.map((one) => one.element),
    );
    this.missing = element("p", { class: "empty", role: "status" });
    const title = element("h1", {}, "Compare");
    replace(root, title, this.chooser.element, this.missing, this.result);
  }

  stop() {
    if (this.request) this.request.abort();
    this.frames.forEach((one) => one.close());
  }

  go({ runs, per, phase, different }) {
    const query = new URLSearchParams(runs.map((run) => ["run", run]));
    if (per) query.set("per", per);
    if (phase) query.set("phase", phase);
    if (different) query.set("different", "yes");
    this.navigate(`#/compare?${query}`);
  }

  update({ query }) {
    this.chooser.show(query);
    const sides = query.getAll("run").slice(0, 4);
    this.shownQuery = query;
    this.result.hidden = sides.length < 2;
    this.missing.hidden = sides.length >= 2;
    setText(
      this.missing,
      sides.length
        ? "One side is chosen. Choose at least one more: a run, a group, or a tag such as config=q8_0."
        : "Choose two to four sides: runs, groups, or tags such as config=q8_0. The History view offers runs to select.",
    );
    if (sides.length < 2 && this.request) this.request.abort();
    if (sides.length >= 2) {
      this.load({
        runs: sides,
        per: query.get("per") || undefined,
        phase: query.get("phase") || undefined,
        allow_different: query.get("different") === "yes",
      });
    }
  }

  async load(body) {
    if (this.request) this.request.abort();
    const request = new AbortController();
    this.request = request;
    const { signal } = request;
    this.frames.forEach((one) => one.loading());
    try {
      const answer = await this.api.post("/compare", body, { signal });
      this.show(answer);
      await this.overlay(answer, signal);
    } catch (error) {
      if (isAborted(error)) return;
      this.refuse(error, body);
      for (const one of this.frames.slice(1)) one.empty("These runs are not compared.");
    }
  }

  // Why the sides are not compared. Different settings can be accepted.
  refuse(error, body) {
    const text = error.detail || error.message || "";
    if (!OPTION.test(text)) {
      this.verdict.fail(error, () => this.load(body));
      return;
    }
    const accept = new URLSearchParams(this.shownQuery);
    accept.set("different", "yes");
    // The first line is the reason, indented lines are the settings, the last one is the next step.
    const lines = text.replace(OPTION, `tick \u201c${DIFFERENT}\u201d`).split("\n");
    const [reason, ...settings] = lines.filter((line, at) => !at || /^\s/.test(line));
    const step = lines.slice(1).filter((line) => !/^\s/.test(line));
    this.verdict.fail({
      detail: `${reason} ${settings.map((line) => line.trim()).join("; ")}`.trim(),
      remedy: step.join(", ") || (OPTION.test(error.remedy || "") ? null : error.remedy),
    });
    const again = () => this.navigate(`#/compare?${accept}`);
    const place = this.verdict.figure.querySelector(".caution");
    place.append(button("Compare although they differ", again));
  }

  show(answer) {
    const across = acrossOf(answer);
    this.verdict.draw(() => [verdictCards(answer), ...notes(answer).filter(Boolean)]);
    this.chart.draw((width) => charts.compare(null, width, across).filter(Boolean));
    const table = ratioTable(answer);
    table.querySelectorAll("table").forEach(sortable);
    const differences = differenceTable(answer);
    this.ratios.draw(() => [table, element("h3", {}, "Different settings"), differences]);
    const [total] = answer.sides.slice(1);
    this.announce(
      `Compared: ${total && total.verdict ? total.verdict.replace("_", " ") : "no verdict"}`,
    );
  }

  // Reads the charts of some runs of each side, and draws them over each other.
  async overlay(answer, signal) {
    const wanted = answer.sides.flatMap((side, at) =>
      answer.runs
        .filter((run) => run.side === side.side)
        .slice(0, RUNS)
        .map((run, no) => ({
          side: at,
          no,
          label: side.side,
          title: short(run.title),
          id: run.run,
        })),
    );
    let runs;
    try {
      runs = await Promise.all(
        wanted.map(async (one) => {
          const charts = await this.api.get(`/run/${encodeURIComponent(one.id)}/charts`, {
            signal,
          });
          return { ...one, charts, isModelled: isModelled(charts) };
        }),
      );
    } catch (error) {
      if (isAborted(error)) return;
      for (const frame of [this.power, this.tokens])
        frame.fail(error, () => this.overlay(answer, signal));
      return;
    }
    const cut = answer.runs.length > wanted.length;
    const note = cut
      ? element("p", { class: "note" }, `The first ${RUNS} runs of each side.`)
      : null;
    this.drawOr(
      this.power,
      (width) => powerOverlay(runs, width),
      "None of these runs has power samples.",
      note,
    );
    this.drawOr(
      this.tokens,
      (width) => tokenOverlay(runs, width),
      "None of these runs has tokens with energies.",
      note,
    );
  }

  drawOr(frame, paint, text, note) {
    if (paint(600)) frame.draw((width) => [...paint(width), note].filter(Boolean));
    else frame.empty(text);
  }
}
