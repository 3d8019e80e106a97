// Key figures of a run that is being recorded, and what it executes now.

import {
  atLeast,
  capitalised,
  digits,
  interval,
  isKnown,
  joules,
  milliseconds,
  provenanceWords,
  seconds,
  sum,
  UNKNOWN,
  watts,
  WORDS,
} from "/assets/charts.js";
import { card, count, element, replace, setText } from "../../dom.js";
import { timeOf } from "../runs.js";
import { pausesOf } from "./rails.js";

// Tokens that the speed is averaged over.
const SPEED_TOKENS = 20;
const CURRENT = ["phase", "section", "token", "layer", "component", "operation"];

const isNone = (value) => value === null || value === undefined;

// Cards with values that change in place, so that the page does not move. `show(run, isStale)` draws
// a run; a stale one has no power of now.
export function keyFigures() {
  const root = element("div", { class: "cards", "data-frame": "figures" });
  const show = (run, isStale) => {
    root.hidden = !run || !run.heard;
    if (root.hidden) return;
    const made = run.isRunning ? figuresOf(run, isStale) : resultOf(run);
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
      setText(box.children[0], capitalised(what));
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
      setText(place, isNone(value) ? UNKNOWN : String(value));
    }
  };
  return { element: root, show };
}

// Each figure has one meaning while the run goes on and after its end.
const WITHOUT_FIRST = "decode, without token 0 (sampling only)";

// Figures of an ended run: the stored ones, or those of its last message until they are read.
function resultOf(run) {
  const found = run.stored ? storedOf(run.stored) : messageOf(run.result || {});
  const { energy_j: energy, output, input, per_token: each } = found;
  // A run that was cancelled or crashed has reported no number of tokens: those recorded count.
  const recorded = isNone(output) && run.tokens.size ? recordedOf(run) : null;
  const generated = recorded ? "recorded" : "generated";
  const all = output ?? recorded?.tokens ?? null;
  const counted = isNone(input) ? generated : `${generated}, ${input} of the prompt`;
  const from = recorded ? `${recorded.tokens} recorded; ` : "";
  return [
    ["energy_j", WORDS.energy, joules(energy), energyOf(run, found), energy],
    ["duration_ms", WORDS.time, milliseconds(found.duration_ms), run.status, found.duration_ms],
    ["tokens", WORDS.tokens, count(all), counted, all],
    ["j_per_token", WORDS.perToken, joules(each), "prompt and generated", each],
    perGenerated(found.per_output ?? recorded?.per_output, from + WITHOUT_FIRST),
    speedOf(found.speed ?? recorded?.speed, `tokens/s of decode; ${from}without token 0`),
  ];
}

// Figures of the tokens that arrived.
function recordedOf(run) {
  const decoded = run.decodedList();
  const known = decoded.filter((token) => isKnown(token.energy_j));
  const timed = decoded.filter((token) => token.duration_ms > 0);
  const time_ms = sum(timed.map((token) => token.duration_ms));
  return {
    tokens: run.tokens.size,
    per_output: known.length ? sum(known.map((token) => token.energy_j)) / known.length : null,
    speed: timed.length ? (timed.length * 1000) / time_ms : null,
  };
}

const perGenerated = (value, detail) => [
  "j_per_output_token",
  WORDS.perGenerated,
  joules(value),
  detail,
  value,
];
const speedOf = (value, detail) => [
  "tokens_per_second",
  WORDS.speed,
  isKnown(value) ? digits(value) : UNKNOWN,
  detail,
  value,
];

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
  const source = provenanceWords(run.stored ? run.stored.provenance : run.provenance);
  if (!run.stored) return `${source}; until it is stored`;
  return isKnown(lo) || isKnown(hi) ? `${source}; ${interval(lo, hi)}` : `${source}; as stored`;
};

// Where the energy of the samples begins, how many of them have none, and what is missing.
const energyDetail = (run, { from_ns: from, unknown }) =>
  (from > 1e9 ? `since ${seconds(from)} of the run` : "so far") +
  (unknown ? `; energy of ${counted(unknown, "sample")} unknown` : "") +
  (run.isFilled ? "" : `; without ${pausesOf(run)}`);
const counted = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

// Figures so far: key, name, value, explanation, raw value.
function figuresOf(run, isStale) {
  const energy = run.energy();
  const all = run.tokenList();
  const tokens = run.decodedList();
  const known = tokens.filter((token) => isKnown(token.energy_j));
  const perToken = known.length ? sum(known.map((token) => token.energy_j)) / known.length : null;
  const recent = tokens.slice(-SPEED_TOKENS);
  const time = sum(recent.map((token) => token.duration_ms));
  const isTimed = time > 0 && recent.every((token) => isKnown(token.duration_ms));
  const speed = isTimed ? (recent.length * 1000) / time : null;
  const power = run.power();
  const last = recent.length === 1 ? "last token" : `last ${recent.length} tokens`;
  const unknown = all.filter((token) => !isKnown(token.energy_j)).length;
  const missing = run.missingTokens;
  const energies = [
    "generated",
    unknown ? `energy of ${unknown} unknown` : "",
    missing ? `${missing} not received` : "",
  ];
  const some = known.length < tokens.length + missing ? `mean of ${known.length} known; ` : "";
  return [
    isStale
      ? ["power_w", "last power", watts(power), `at ${timeOf(run.heard)}; no connection`, power]
      : ["power_w", WORDS.now, watts(power), `${provenanceWords(run.provenance)}, with idle`, power],
    [
      "energy_j",
      WORDS.energy,
      energy ? atLeast({ ...energy, unknown: energy.whole === null }) : UNKNOWN,
      energy ? energyDetail(run, energy) : "",
      energy?.whole,
    ],
    [
      "tokens",
      WORDS.tokens,
      `${missing ? "at least " : ""}${count(all.length)}`,
      energies.filter(Boolean).join("; "),
      missing ? null : all.length,
    ],
    perGenerated(perToken, some + WITHOUT_FIRST),
    speedOf(speed, `tokens/s, ${last} of decode`),
  ];
}
