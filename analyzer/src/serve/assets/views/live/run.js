// What is known about one run that is being recorded, from its messages. Messages may arrive
// twice and late (after a reconnection or a gap), so each is entered by its own key: a sample by
// rail and time, a token by its span.

import { isKnown, knownSum, sum } from "/assets/charts.js";
import { phaseOrder, short } from "../runs.js";
import { storedKey } from "./fill.js";
import { LiveMatrix } from "./matrix.js";

// Samples that are kept of each rail, and ended sections of a run.
const SAMPLES = 2400;
const SECTIONS = 200;
// Longest time before the first sample of a run that was watched from its start.
const START_NS = 5e9;
// Longest time by which messages follow what they report.
const LATE_NS = 1e9;
const ENDED = ["complete", "cancelled", "crashed", "failed"];
const RAIL_KEYS = ["rail", "source", "kind", "is_root", "provenance", "idle_w", "interval_ns"];

// Whether prefill computed a token, so that decode only sampled it.
const isSampledOnly = ({ token, phase }) => token === 0 && phase === "decode";

export class LiveRun {
  constructor(id) {
    this.id = id;
    this.info = {};
    this.rails = new Map();
    this.phases = phaseOrder([]);
    this.bands = new Map();
    this.open = new Map();
    this.sections = new Map();
    this.tokens = new Map();
    this.matrix = new LiveMatrix();
    this.operations = new Map();
    this.operationTimes = new Set();
    this.current = {};
    this.result = null;
    // The row of the run in the file, once it has ended.
    this.stored = null;
    this.error = null;
    this.lost = 0;
    // Times for which no message came, because the server did not run: `from_ns`, `to_ns`. What is
    // missing is read from the file; until then, sums lack it.
    this.pauses = [];
    this.isFilled = true;
    // Counts how often tokens were entered between others.
    this.order = 0;
    // Latest run time that any message reports.
    this.now_ns = 0;
    this.heard = null;
    // Names of what changed since the parts of the page were drawn.
    this.changed = new Set();
  }

  get status() {
    const { stored, result, info } = this;
    return (stored && stored.status) || (result && result.status) || info.status || "running";
  }

  get isRunning() {
    return !ENDED.includes(this.status);
  }

  get title() {
    return short(this.info.name) || short(this.info.model) || this.id.slice(0, 8);
  }

  // Where the power of totals comes from: the provenances of the root rails, joined by `+`, else
  // that of the stored run; null if there is none, or that of a rail is unknown.
  get provenance() {
    const roots = [...this.rails.values()].filter((rail) => rail.is_root);
    if (!roots.length) return this.stored?.provenance ?? null;
    const all = [...new Set(roots.map((rail) => rail.provenance))];
    return all.every(Boolean) ? all.sort().join("+") : null;
  }

  // Enters a message, if it is known here.
  apply({ type, timestamp, data }) {
    const enter = ENTER[type];
    if (!enter) return;
    this.heard = timestamp;
    const pause = this.pauses[this.pauses.length - 1];
    if (pause && pause.to_ns === null && data.start_ns >= pause.from_ns) pause.to_ns = data.start_ns;
    enter(this, data);
  }

  // Enters that no message comes for a while: what follows the last one is missing.
  interrupt(from_ns = this.receivedUntil) {
    const last = this.pauses[this.pauses.length - 1];
    if (!last || last.to_ns !== null) this.pauses.push({ from_ns, to_ns: null });
    this.isFilled = false;
    this.changed.add("power").add("tokens").add("operations");
  }

  // The run time until which samples arrived.
  get receivedUntil() {
    const ends = this.roots().map(({ samples }) => samples[samples.length - 1].end_ns);
    return Math.max(0, Math.min(this.now_ns, ...ends));
  }

  // Whether the first message that arrived was not the first of the run.
  get startsLate() {
    const numbers = this.tokenList().map((token) => token.token).filter(isKnown);
    return (numbers.length && Math.min(...numbers) > 0) || this.energy()?.from_ns > START_NS;
  }

  // Enters that the file was read.
  fill() {
    this.isFilled = true;
    this.changed.add("power").add("tokens").add("status");
  }

  // Whether messages of a time can be missing; they are sent some time after it.
  isInPause(start_ns, end_ns) {
    const isAfter = ({ to_ns: to }) => isKnown(to) && start_ns > to + LATE_NS;
    return this.pauses.some((one) => end_ns > one.from_ns - LATE_NS && !isAfter(one));
  }

  // Enters a sample of the file, unless most of its time is known.
  enterStoredSample(sample) {
    const rail = this.rails.get(`${sample.source}/${sample.rail}`);
    if (!rail || !isKnown(sample.start_ns) || !isKnown(sample.end_ns)) return;
    const isSeen = rail.stored.has(sample.start_ns) || hasSample(rail.samples, sample);
    if (!this.isInPause(sample.start_ns, sample.end_ns) || isSeen) return;
    rail.stored.add(sample.start_ns);
    enterSample(this, sample);
  }

  orderTokens() {
    const inOrder = [...this.tokens].sort(([, a], [, b]) => a.start_ns - b.start_ns);
    this.tokens = new Map(inOrder);
    this.order += 1;
  }

  // Number of tokens that are missing before a token, which follows `before`. A program can number its
  // tokens in another way: nothing is missing without a pause, and nothing is missing before the first
  // token once the file was read.
  missingBefore(token, before) {
    if (!this.pauses.length || !Number.isInteger(token.token)) return 0;
    if (!before) return token.phase === "decode" && !this.isFilled ? Math.max(0, token.token) : 0;
    if (!Number.isInteger(before.token) || before.phase !== token.phase) return 0;
    return Math.max(0, token.token - before.token - 1);
  }

  get missingTokens() {
    return sum(this.tokenList().map((one, at, all) => this.missingBefore(one, all[at - 1])));
  }

  // Enters that the run failed before anything was recorded.
  fail(message) {
    this.info.status = "failed";
    this.error = { message };
    this.changed.add("status");
  }

  // Enters the row of the run in the file; it counts once the run has ended there.
  takeStored(row) {
    if (!row || !ENDED.includes(row.status)) return;
    this.stored = row;
    this.info = { name: row.name, model: row.model, ...this.info, status: row.status };
    this.heard = this.heard || row.timestamp;
    this.open.clear();
    this.keepShown();
    this.changed.add("status").add("sections").add("power");
  }

  describe(info) {
    this.info = { ...this.info, ...info };
    for (const rail of info.rails || []) this.rail(rail);
    this.changed.add("status");
  }

  rail(found) {
    const key = `${found.source}/${found.rail}`;
    let rail = this.rails.get(key);
    if (!rail) {
      rail = { samples: [], energy_j: 0, unknown: 0, first_ns: null, peak_w: null };
      // Starts of samples that were read from the file.
      rail.stored = new Set();
      this.rails.set(key, rail);
      this.changed.add("rails");
    }
    for (const name of RAIL_KEYS) {
      if (found[name] !== undefined && found[name] !== null) rail[name] = found[name];
    }
    return rail;
  }

  // Keeps the latest power and the energy of each rail, so that all parts of the page show the same
  // values.
  keepShown() {
    for (const rail of this.rails.values()) {
      const last = rail.samples[rail.samples.length - 1];
      rail.shown_w = last ? last.power_w : null;
      rail.shown_j = rail.energy_j;
      rail.shown_unknown = rail.unknown;
    }
  }

  // Root rails with samples.
  roots() {
    return [...this.rails.values()].filter((rail) => rail.is_root && rail.samples.length);
  }

  get hasPower() {
    return this.roots().length > 0;
  }

  // The sum of the kept powers of root rails; null if one of them is unknown.
  power() {
    const roots = this.roots();
    if (roots.some((rail) => !isKnown(rail.shown_w))) this.keepShown();
    if (!roots.length || roots.some((rail) => !isKnown(rail.shown_w))) return null;
    return roots.reduce((sum, rail) => sum + rail.shown_w, 0);
  }

  // The kept energy of root rails in the samples that arrived: what is known of it, the number of
  // samples without energy, and the run time of the first one. The whole is unknown if one of them
  // is, or samples are missing.
  energy() {
    const roots = this.roots().filter((rail) => rail.first_ns !== null);
    if (!roots.length) return null;
    if (roots.some((rail) => rail.shown_j === undefined)) this.keepShown();
    const least = sum(roots.map((rail) => rail.shown_j));
    const unknown = sum(roots.map((rail) => rail.shown_unknown));
    const from_ns = Math.min(...roots.map((rail) => rail.first_ns));
    const isWhole = !unknown && this.isFilled;
    return { least, unknown, whole: isWhole ? least : null, from_ns };
  }

  tokenList() {
    return [...this.tokens.values()];
  }

  // Tokens of which each took a pass of decode. Token 0 is only sampled: prefill computed it.
  decodedList() {
    return this.tokenList().filter((token) => !isSampledOnly(token));
  }

  advance(time_ns) {
    if (isKnown(time_ns) && time_ns > this.now_ns) this.now_ns = time_ns;
  }
}

// Whether one of the samples has the middle of another one. Times of the file and of messages can
// differ slightly.
function hasSample(samples, { start_ns: start, end_ns: end }) {
  const middle = (start + end) / 2;
  return samples.some((one) => one.start_ns <= middle && middle < one.end_ns);
}

// Whether a sample is too short to give a peak, of a rail with samples of a usual length.
export const isShort = ({ start_ns: start, end_ns: end }, usual_ns) =>
  (end - start) * 2 < (usual_ns || 0);

function enterSample(run, data) {
  const rail = run.rail(data);
  const { samples } = rail;
  if (rail.stored.size && hasSample(samples, data)) return;
  let at = samples.length;
  while (at > 0 && samples[at - 1].end_ns > data.end_ns) at -= 1;
  if (at > 0 && samples[at - 1].end_ns === data.end_ns) return;
  samples.splice(at, 0, data);
  if (samples.length > SAMPLES) samples.shift();
  // Samples before the run's start belong to its idle baseline.
  if (data.start_ns >= 0) {
    if (isKnown(data.energy_j)) rail.energy_j += data.energy_j;
    else rail.unknown += 1;
    rail.first_ns = Math.min(rail.first_ns ?? data.start_ns, data.start_ns);
  }
  if (!isShort(data, rail.interval_ns) && (rail.peak_w === null || data.power_w > rail.peak_w)) rail.peak_w = data.power_w;
  run.advance(data.end_ns);
  run.changed.add("power");
}

function enterStart(run, data) {
  if (!run.sections.has(data.span)) run.open.set(data.span, data);
  if (data.role === "phase") {
    if (!run.phases.includes(data.name)) run.phases.push(data.name);
    run.bands.delete(storedKey(data.start_ns));
    const known = run.bands.get(data.span);
    const end_ns = known ? known.end_ns : null;
    run.bands.set(data.span, { phase: data.name, start_ns: data.start_ns, end_ns });
    run.changed.add("power");
  }
  run.advance(data.start_ns);
  run.changed.add("sections");
}

function enterEnd(run, data) {
  enterStart(run, data);
  run.open.delete(data.span);
  if (data.role === "phase") run.bands.get(data.span).end_ns = data.end_ns;
  if (data.role !== "token") {
    run.sections.set(data.span, data);
    if (run.sections.size > SECTIONS) run.sections.delete(run.sections.keys().next().value);
  }
  run.advance(data.end_ns);
}

function enterToken(run, data) {
  const stored = storedKey(data.start_ns);
  const span = run.tokens.has(stored) ? stored : String(data.span);
  const isNew = !run.tokens.has(span);
  run.tokens.set(span, { ...data, span });
  run.advance(data.end_ns);
  run.changed.add(isNew ? "tokens" : "token energies");
}

const ofLayer = ({ layer, layer_index: index, ...values }) => ({
  layer,
  index,
  component: "layer",
  ...values,
});
const ofComponent = ({ layer, layer_index: index, component, component_name, ...values }) => ({
  layer: layer ?? "(outside)",
  index,
  component: component ?? component_name,
  ...values,
});

function enterOperations(run, { from_ns: from, to_ns: to, operations }) {
  if (run.operationTimes.has(from)) return;
  run.operationTimes.add(from);
  for (const one of operations) {
    const key = [one.phase, one.component, one.operation].join("\n");
    const { phase, component, operation } = one;
    const before = run.operations.get(key);
    const all = (name) => knownSum([...(before ? [before[name]] : []), one[name]]).whole;
    const known = [before?.least, one.energy_j].filter(isKnown);
    run.operations.set(key, {
      ...{ phase, component, operation },
      count: all("count"),
      duration_ms: all("duration_ms"),
      energy_j: all("energy_j"),
      least: known.length ? sum(known) : null,
      unknown: (before?.unknown || 0) + (isKnown(one.energy_j) ? 0 : 1),
    });
  }
  run.advance(to);
  run.changed.add("operations");
}

// How each type of message changes a run.
const ENTER = {
  run_started: (run, data) => run.describe(data),
  power_sample: enterSample,
  section_start: enterStart,
  section_end: enterEnd,
  token_complete: enterToken,
  layer_metrics: (run, { token, start_ns: start, layers }) => {
    // Runs that record components send these, too: their cells are finer.
    if (run.matrix.components.some((one) => one !== "layer")) return;
    run.matrix.enter(token, start, layers.map(ofLayer));
    run.changed.add("matrix");
  },
  component_metrics: (run, { token, start_ns: start, components }) => {
    if (run.matrix.components.includes("layer")) run.matrix = new LiveMatrix();
    run.matrix.enter(token, start, components.map(ofComponent));
    run.changed.add("matrix");
  },
  operation_metrics: enterOperations,
  current: (run, data) => {
    run.current = data;
    run.changed.add("current");
  },
  inference_complete: (run, data) => {
    run.result = data;
    run.open.clear();
    run.changed.add("status").add("sections");
  },
  error: (run, data) => {
    run.error = data;
    run.changed.add("status");
  },
};
