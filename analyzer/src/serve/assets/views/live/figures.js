// Key figures of a run that is being recorded, and what it executes now.

import { interval, isKnown, joules, percent, seconds, sum, watts } from "/assets/charts.js";
import { card, element, replace, setText } from "../../dom.js";
import { milliseconds, provenanceWords } from "../words.js";

// Tokens that the speed is averaged over.
const SPEED_TOKENS = 20;
const CURRENT = ["phase", "section", "token", "layer", "component", "operation"];

const isNone = (value) => value === null || value === undefined;

// Cards whose values change in place, so that the page does not move. `show(run)` draws a run.
export function keyFigures() {
  const root = element("div", { class: "cards", "data-frame": "figures" });
  const show = (run) => {
    root.hidden = !run || !run.heard;
    if (root.hidden) return;
    const made = run.isRunning ? figuresOf(run) : resultOf(run);
    if (root.childElementCount !== made.length) {
      replace(
        root,
        made.map(([key, what]) => card(key, what, "", "")),
      );
    }
    made.forEach(([key, what, value, detail, raw], at) => {
      const box = root.children[at];
      box.dataset.key = key;
      box.dataset.v = raw ?? "";
      setText(box.children[0], what);
      setText(box.children[1], value);
      setText(box.children[2], detail);
    });
  };
  return { element: root, show };
}

// What is open now: phase, section, token, layer, component, operation.
export function currentPlace() {
  const values = new Map(CURRENT.map((name) => [name, element("dd", { "data-now": name })]));
  const root = element(
    "dl",
    { class: "facts now", "data-frame": "current" },
    CURRENT.map((name) => element("div", {}, element("dt", {}, name), values.get(name))),
  );
  const show = (run) => {
    const isShown = run && run.isRunning && CURRENT.some((name) => !isNone(run.current[name]));
    root.hidden = !isShown;
    if (!isShown) return;
    for (const [name, place] of values) {
      const value = run.current[name];
      setText(place, isNone(value) ? "–" : String(value));
    }
  };
  return { element: root, show };
}

const sourceOf = ({ provenance }) =>
  provenance === "measured" ? "root rails, idle power included" : provenanceWords(provenance);

// Names of figures: each has one meaning while the run goes on and after its end.
const PER_OUTPUT = ["j_per_output_token", "Per generated token"];
const WITHOUT_FIRST = "decode, without token 0 (sampling only)";

// Figures of an ended run: the stored ones, or those of its last message until they are read.
function resultOf(run) {
  const found = run.stored ? storedOf(run.stored) : messageOf(run.result || {});
  const { energy_j: energy, output, input, per_token: each } = found;
  const seen = run.tokens.size || null;
  const generated = isNone(input)
    ? isNone(output) && seen
      ? "seen while it ran"
      : "generated"
    : `generated, ${input} of the prompt`;
  const count = output ?? seen;
  return [
    ["energy_j", "Energy", joules(energy), energyOf(run, found), energy],
    ["duration_ms", "Time", milliseconds(found.duration_ms), run.status, found.duration_ms],
    ["tokens", "Tokens", isNone(count) ? "–" : String(count), generated, count],
    ["j_per_token", "Per token", joules(each), "prompt and generated", each],
    [...PER_OUTPUT, joules(found.per_output), WITHOUT_FIRST, found.per_output],
    ["tokens_per_second", "Speed", rate(found.speed), "decode, without token 0", found.speed],
  ];
}

const storedOf = (row) => ({
  energy_j: row.energy_j,
  lo_j: row.lo_j,
  hi_j: row.hi_j,
  duration_ms: row.total_duration_ms,
  input: row.input_tokens,
  output: row.output_tokens,
  per_token: row.j_per_token,
  per_output: row.j_per_output_token,
  speed: row.tokens_per_second,
});

const messageOf = (result) => ({
  energy_j: result.total_energy_j,
  duration_ms: result.total_duration_ms,
  input: result.input_tokens,
  output: result.output_tokens,
  per_token: result.j_per_token,
  per_output: null,
  speed: result.tokens_per_second,
});

const energyOf = (run, { lo_j: lo, hi_j: hi }) => {
  if (!run.stored) return `${sourceOf(run)}; until it is stored`;
  const source = run.rails.size ? sourceOf(run) : provenanceWords(run.stored.provenance);
  return isKnown(lo) || isKnown(hi) ? `${source}; ${interval(lo, hi)}` : `${source}; as stored`;
};

// Figures so far: key, name, value, explanation, raw value.
function figuresOf(run) {
  const energy = run.energy();
  const all = run.tokenList();
  const tokens = run.decodedList();
  const known = tokens.filter((token) => isKnown(token.energy_j));
  const perToken = known.length ? sum(known.map((token) => token.energy_j)) / known.length : null;
  const recent = tokens.slice(-SPEED_TOKENS);
  const time = sum(recent.map((token) => token.duration_ms));
  const isTimed = time > 0 && recent.every((token) => isKnown(token.duration_ms));
  const speed = isTimed ? (recent.length * 1000) / time : null;
  const since =
    energy && energy.from_ns > 1e9 ? `since ${seconds(energy.from_ns)} of the run` : "so far";
  const without = energy && energy.unknown ? `, without ${energy.unknown} unknown samples` : "";
  const power = run.power();
  const last = recent.length === 1 ? "last token" : `last ${recent.length} tokens`;
  return [
    ["power_w", "Power now", watts(power), sourceOf(run), power],
    ["energy_j", "Energy", joules(energy && energy.energy_j), since + without, energy && energy.energy_j],
    ["tokens", "Tokens", String(all.length), coverage(tokens, known), all.length],
    [...PER_OUTPUT, joules(perToken), WITHOUT_FIRST, perToken],
    ["tokens_per_second", "Speed", rate(speed), `${last} of decode`, speed],
  ];
}

const rate = (value) => (isKnown(value) ? `${value.toPrecision(3)} tokens/s` : "–");
const coverage = (tokens, known) =>
  tokens.length && known.length < tokens.length
    ? `generated, energy of ${percent(known.length / tokens.length)} known`
    : "generated";
