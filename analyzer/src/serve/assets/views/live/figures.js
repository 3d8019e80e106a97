// Key figures of a run that is being recorded, and what it executes now.

import { isKnown, joules, percent, seconds, sum, watts } from "/assets/charts.js";
import { card, element, replace, setText } from "../../dom.js";
import { words } from "./rails.js";

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
    const made = run.result ? resultOf(run) : figuresOf(run);
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
  provenance === "measured" ? "root rails, idle power included" : words(provenance);

// Figures of an ended run.
function resultOf(run) {
  const { result } = run;
  return [
    ["energy_j", "Energy", joules(result.total_energy_j), sourceOf(run), result.total_energy_j],
    [
      "duration_ms",
      "Time",
      seconds(ms(result.total_duration_ms)),
      run.status,
      result.total_duration_ms,
    ],
    [
      "tokens",
      "Tokens",
      isNone(result.output_tokens) ? "–" : String(result.output_tokens),
      isNone(result.input_tokens) ? "generated" : `generated, ${result.input_tokens} of the prompt`,
      result.output_tokens,
    ],
    [
      "j_per_token",
      "Per token",
      joules(result.j_per_token),
      "prompt and generated",
      result.j_per_token,
    ],
    [
      "tokens_per_second",
      "Speed",
      rate(result.tokens_per_second),
      "decode",
      result.tokens_per_second,
    ],
  ];
}

// Figures so far: key, name, value, explanation, raw value.
function figuresOf(run) {
  const energy = run.energy();
  const tokens = run.tokenList();
  const known = tokens.filter((token) => isKnown(token.energy_j));
  const perToken = known.length ? sum(known.map((token) => token.energy_j)) / known.length : null;
  const recent = tokens.slice(-SPEED_TOKENS);
  const time = sum(recent.map((token) => token.duration_ms));
  const speed = time > 0 ? (recent.length * 1000) / time : null;
  const since =
    energy && energy.from_ns > 1e9 ? `since ${seconds(energy.from_ns)} of the run` : "so far";
  const power = run.power();
  return [
    ["power_w", "Power now", watts(power), sourceOf(run), power],
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
