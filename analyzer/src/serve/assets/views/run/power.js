// Power over time with zoom: to a phase, by dragging, or by keys. A range is read again from
// the server, so that its steps are as fine as the samples.

import {
  charts,
  energyOf,
  h,
  isKnown,
  peakStep,
  rect,
  seconds,
  stepsWithin,
  sum,
} from "/assets/charts.js";
import { control } from "../../dom.js";

const STEPS = 600;
// A range is at least this long, ns.
const SHORTEST = 1000;

// Bands with the energy of their phase where it ran once.
function bandsWithEnergy(bands, phases) {
  const times = new Map();
  for (const band of bands) times.set(band.phase, (times.get(band.phase) || 0) + 1);
  const energy = (band) => phases.find((phase) => phase.phase === band.phase)?.energy_j ?? null;
  return bands.map((band) => ({
    ...band,
    energy_j: band.energy_j ?? (times.get(band.phase) === 1 ? energy(band) : null),
  }));
}

export class PowerZoom {
  constructor({ api, id, announce, changed }) {
    Object.assign(this, { api, id, announce, changed, range: null, fine: null, request: 0 });
    this.select = h("select", {});
    this.select.addEventListener("change", () => this.#toBand(Number(this.select.value)));
    this.out = h("output", { class: "note range" });
    this.tools = [
      h("label", {}, "Zoom to ", this.select),
      control("+", "Zoom in", () => this.scale(0.5)),
      control("−", "Zoom out", () => this.scale(2)),
      control("‹", "Earlier", () => this.move(-0.5)),
      control("›", "Later", () => this.move(0.5)),
      this.out,
    ];
  }

  set(run) {
    this.run = run;
    this.whole = [0, run.timeline.end_ns];
    this.bands = bandsWithEnergy(run.timeline.bands, run.phases);
    const option = (words, at) => h("option", { value: at }, words);
    this.select.replaceChildren(
      option("whole run", -1),
      ...this.bands.map((band, at) => option(`${band.phase} at ${seconds(band.start_ns)}`, at)),
      option("selected range", -2),
    );
    this.select.lastChild.disabled = true;
    this.zoom(null);
  }

  #toBand(at) {
    const band = this.bands[at];
    if (!band) return this.zoom(null);
    return this.zoom([band.start_ns, isKnown(band.end_ns) ? band.end_ns : this.whole[1]], at);
  }

  scale(by) {
    const [from, to] = this.range || this.whole;
    const [middle, half] = [(from + to) / 2, ((to - from) / 2) * by];
    this.zoom([middle - half, middle + half]);
  }

  move(by) {
    const [from, to] = this.range || this.whole;
    const step = (to - from) * by;
    const kept = Math.max(-from, Math.min(this.whole[1] - to, step));
    this.zoom([from + kept, to + kept]);
  }

  // Shows a range, or the whole run for null, and then reads its steps.
  async zoom(range, band = -2) {
    const end = this.whole[1];
    const isWhole = !range || (range[0] <= 0 && range[1] >= end);
    if (!isWhole && range[1] - range[0] < SHORTEST) return;
    this.range = isWhole ? null : [Math.max(0, range[0]), Math.min(end, range[1])].map(Math.round);
    this.fine = null;
    this.select.value = isWhole ? -1 : band;
    const [from, to] = this.range || this.whole;
    this.out.textContent = this.range ? `${seconds(from)} to ${seconds(to)}` : "";
    Object.assign(this.out.dataset, { from, to, steps: this.range ? "coarse" : "all" });
    this.changed();
    this.request += 1;
    const request = this.request;
    if (!this.range) return;
    this.announce(`Power from ${seconds(from)} to ${seconds(to)}`);
    try {
      const query = { from_ns: from, to_ns: to, steps: STEPS };
      const fine = await this.api.get(`/run/${encodeURIComponent(this.id)}/timeline`, { query });
      if (request !== this.request) return;
      this.fine = fine;
      this.out.dataset.steps = "fine";
      this.changed();
    } catch {
      // The coarse steps stay.
      if (request === this.request) this.out.textContent += ", coarse steps";
    }
  }

  // The timeline of the range: fine steps as soon as they are read. A rail without samples in the
  // range has no steps.
  get timeline() {
    const whole = { ...this.run.timeline, bands: this.bands };
    if (!this.range) return whole;
    // Of many phases, only the first ones have come with the run.
    if (whole.bands_cut && this.fine?.bands) {
      Object.assign(whole, { bands: this.fine.bands, bands_cut: this.fine.bands_cut });
    }
    const [from, to] = this.range;
    const read = new Map((this.fine?.rails || []).map((rail) => [rail.rail, rail.steps]));
    const stepsOf = (rail) => (this.fine ? read.get(rail.rail) || [] : rail.steps);
    const rails = whole.rails.map((rail, at) => ({
      ...rail,
      at,
      steps: stepsWithin(stepsOf(rail), from, to),
    }));
    return { ...whole, start_ns: from, end_ns: to, rails: rails.filter((one) => one.steps.length) };
  }

  draw(width) {
    const { timeline } = this;
    if (!timeline.rails.length) {
      return [h("p", { class: "empty" }, "No power sample is in this range.")];
    }
    const { tokens: series } = this.run;
    const tokens = this.fine?.tokens || (series?.per_bar === 1 ? series.bars : null);
    const more = { tokens, hasFigures: true };
    const drawn = charts.timeline({ ...this.run, timeline }, width, null, more);
    this.#listen(drawn[0]);
    return drawn;
  }

  // Dragging selects a range; keys zoom and move. Arrow keys read values, as in the report.
  #listen(root) {
    const catcher = root.querySelector("[role=slider]");
    if (!catcher) return;
    const [left, wide] = [Number(catcher.getAttribute("x")), Number(catcher.getAttribute("width"))];
    const [from, to] = this.range || this.whole;
    const place = (event) => {
      const box = catcher.getBoundingClientRect();
      return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    };
    let begin = null;
    let chosen = null;
    const end = () => {
      chosen?.remove();
      [begin, chosen] = [null, null];
    };
    catcher.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch") return;
      begin = place(event);
      catcher.setPointerCapture(event.pointerId);
    });
    catcher.addEventListener("pointermove", (event) => {
      if (begin === null) return;
      const [low, high] = [begin, place(event)].sort((a, b) => a - b);
      chosen?.remove();
      chosen = rect(left + low * wide, 4, (high - low) * wide, catcher.getAttribute("height"), {
        class: "chosen",
      });
      root.append(chosen);
    });
    catcher.addEventListener("pointercancel", end);
    catcher.addEventListener("pointerup", (event) => {
      if (begin === null) return;
      const [low, high] = [begin, place(event)].sort((a, b) => a - b);
      end();
      if ((high - low) * wide > 6) this.zoom([from + low * (to - from), from + high * (to - from)]);
    });
    catcher.addEventListener("keydown", (event) => {
      const act = {
        "+": () => this.scale(0.5),
        "=": () => this.scale(0.5),
        "-": () => this.scale(2),
        0: () => this.zoom(null),
        Escape: () => this.zoom(null),
        ",": () => this.move(-0.5),
        ".": () => this.move(0.5),
      }[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.isFocused = true;
      act();
    });
    if (this.isFocused) {
      this.isFocused = false;
      requestAnimationFrame(() => catcher.focus({ preventScroll: true }));
    }
  }

  // Rows of the table: each rail in the shown range. Rails without samples in it have no values.
  rows() {
    const { timeline } = this;
    const [from, to] = this.range || this.whole;
    return this.run.timeline.rails.map(({ rail, idle_w, provenance }) => {
      const steps = timeline.rails.find((one) => one.rail === rail)?.steps || [];
      const time = sum(steps.map((step) => step.ns));
      const energy = steps.length ? energyOf({ steps }) : null;
      return {
        ...{ rail, idle_w, provenance },
        energy_j: energy,
        avg_w: time > 0 ? (energy * 1e9) / time : null,
        peak_w: peakStep({ steps })?.max ?? null,
        covered: to > from ? Math.min(1, time / (to - from)) : null,
      };
    });
  }
}
