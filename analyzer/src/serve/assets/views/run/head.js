// The head of the view: what ran, how its energy was determined, and the key figures with their
// intervals.

import {
  digits,
  h,
  interval,
  isKnown,
  joules,
  provenanceWords,
  seconds,
  sum,
  UNKNOWN,
  watts,
  WORDS,
} from "/assets/charts.js";
import { card, count } from "../../dom.js";
import { dateOf, isModelled, perToken, tagsOf, WITHOUT_POWER } from "../runs.js";

const EXPORTS = [
  ["json", "JSON"],
  ["csv", "CSV"],
  ["perfetto", "Perfetto"],
  ["folded", "folded stacks"],
];

// Longest list of notes.
const MOST_NOTES = 30;

const first = (...values) => values.find((value) => value !== null && value !== undefined) ?? null;

// Brings the figures of a run together: the run's row, and its summary.
function figuresOf(run, summary = {}) {
  const totals = summary.totals || {};
  const { total_duration_ms: work_ms } = run;
  return {
    energy_j: first(totals.energy_j, run.energy_j),
    lo_j: first(totals.lo_j, run.lo_j),
    hi_j: first(totals.hi_j, run.hi_j),
    coverage: first(totals.coverage, run.coverage),
    basis: first(totals.basis, run.basis),
    isModelled: isModelled(run),
    active_j: first(totals.active_j, run.active_j),
    j_per_token: first(totals.j_per_token, run.j_per_token),
    j_per_output_token: first(totals.j_per_output_token, run.j_per_output_token),
    tokens_per_s: first(totals.tokens_per_s, run.tokens_per_s),
    // The time of the phases; the recording is longer.
    duration_ns: first(totals.duration_ns, isKnown(work_ms) ? work_ms * 1e6 : null),
    recorded_ns: run.duration_ns ?? null,
    input_tokens: first(totals.input_tokens, run.input_tokens),
    output_tokens: first(totals.output_tokens, run.output_tokens),
    recorded: recordedOf(summary),
    cost: summary.efficiency?.cost,
    carbon: summary.efficiency?.carbon,
  };
}

// A run that was cancelled or crashed has reported no number of tokens. Its summary has the number of
// those in the file, and energy and speed of those that decode computed.
const recordedOf = (summary) => ({
  tokens: summary.recorded_tokens ?? null,
  j_per_output_token: summary.recorded_j_per_output_token ?? null,
  tokens_per_s: summary.recorded_tokens_per_s ?? null,
});

// Modelled energies have no interval.
const intervalOf = ({ lo_j: lo, hi_j: hi, coverage, isModelled: modelled }) =>
  modelled && !isKnown(lo) && !isKnown(hi)
    ? "no interval: modelled"
    : interval(lo, hi, coverage);

const ofEnergy = (key, what, energy, detail) => card(key, what, joules(energy), detail, energy);

function cards(figures, accounts) {
  const { energy_j: energy, duration_ns: duration, input_tokens, output_tokens } = figures;
  const average = isKnown(energy) && duration > 0 ? (energy * 1e9) / duration : null;
  const each = perToken(figures);
  const recorded = isKnown(output_tokens) ? {} : figures.recorded;
  const generated = isKnown(recorded.tokens)
    ? `${recorded.tokens} recorded`
    : `${count(output_tokens)} generated`;
  const counted = isKnown(input_tokens) ? `${input_tokens} prompt, ${generated}` : generated;
  // A crashed run has no number of prompt tokens either.
  const all = [input_tokens, first(output_tokens, recorded.tokens)];
  const isCounted = isKnown(all[1]) && (isKnown(all[0]) || isKnown(recorded.tokens));
  const tokens = isCounted ? sum(all) : null;
  const each_j = first(figures.j_per_output_token, recorded.j_per_output_token);
  const tokens_per_s = first(figures.tokens_per_s, recorded.tokens_per_s);
  const from = isKnown(recorded.tokens) ? `${recorded.tokens} recorded; ` : "";
  const basis = figures.basis && figures.basis !== "modelled" ? `; ${figures.basis}` : "";
  const peak = (accounts || [])
    .filter((rail) => rail.is_root && isKnown(rail.peak_w))
    .sort((a, b) => b.peak_w - a.peak_w)[0];
  const speed = isKnown(tokens_per_s) ? digits(tokens_per_s) : UNKNOWN;
  return [
    ofEnergy("energy_j", WORDS.energy, energy, intervalOf(figures) + basis),
    ofEnergy("active_j", WORDS.active, figures.active_j, "above idle power"),
    ofEnergy("j_per_token", WORDS.perToken, each.value, intervalOf({ ...figures, lo_j: each.lo, hi_j: each.hi })),
    ofEnergy(
      "j_per_output_token",
      WORDS.perGenerated,
      each_j,
      `${from}decode, without token 0 (sampling only)`,
    ),
    card("tokens", WORDS.tokens, count(tokens), counted, tokens),
    card(
      "duration_ns",
      WORDS.time,
      seconds(duration),
      `${WORDS.recorded} ${seconds(figures.recorded_ns)}`,
      duration,
    ),
    card(
      "tokens_per_s",
      WORDS.speed,
      speed,
      `tokens/s of decode; ${from}without token 0`,
      tokens_per_s,
    ),
    card("avg_w", WORDS.average, watts(average), "during the run", average),
    peak ? card("peak_w", WORDS.peak, watts(peak.peak_w), peak.rail, peak.peak_w) : null,
    costCard(figures.cost),
    carbonCard(figures.carbon),
  ].filter(Boolean);
}

// Cost and emissions, where price and factor are stored with the run.
const small = (value) =>
  isKnown(value) && value !== 0 && Math.abs(value) < 0.1 ? value.toExponential(3) : isKnown(value) ? digits(value) : UNKNOWN;

function costCard(cost) {
  if (!cost) return null;
  const currency = cost.currency || "";
  const each = cost.cost_per_million_tokens;
  const tokens = isKnown(each) ? `${small(each)} ${currency} per million tokens; ` : "";
  const detail = `${tokens}at ${small(cost.price_per_kwh)} ${currency}/kWh`;
  return card("cost", "cost", `${small(cost.cost)} ${currency}`.trim(), detail, cost.cost);
}

function carbonCard(carbon) {
  if (!carbon) return null;
  const source = carbon.source ? `: ${carbon.region} ${carbon.year}, ${carbon.source}` : "";
  const detail = `at ${digits(carbon.g_per_kwh)} g/kWh${source}`;
  return card("co2_g", "CO2", `${small(carbon.co2_g)} g`, detail, carbon.co2_g);
}

const startedAt = (run) =>
  dateOf(run.timestamp || (isKnown(run.start_unix_ns) ? run.start_unix_ns / 1e6 : null));

function facts(run) {
  const rows = [
    ["Model", run.model_name || run.model],
    ["Engine", run.engine],
    ["Precision", run.precision],
    ["Depth", run.profiling_depth],
    ["Experiment", run.experiment_name || run.experiment],
    ["Started", startedAt(run)],
    ["Host", run.host],
    ["Id", run.run_id || run.id],
  ].filter(([, value]) => value);
  const row = ([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  return h("dl", { class: "facts" }, rows.map(row));
}

export class Head {
  constructor() {
    this.title = h("h1", { tabindex: -1 }, "Run");
    this.badges = h("p", { class: "badges" });
    this.cards = h("div", { class: "cards" });
    this.facts = h("div", {});
    this.texts = h("div", {});
    this.cautions = h("div", {});
    this.notices = h("div", { class: "notices", role: "status" });
    this.element = h(
      "header",
      { class: "run-head" },
      h("div", { class: "top" }, this.title, this.badges),
      this.notices,
      this.cards,
      this.facts,
      this.cautions,
      this.texts,
    );
  }

  // Shows a run. `provenance` are the words of the charts once they are known.
  show(run, summary, { provenance, accounts } = {}) {
    this.title.textContent = run.name || run.title || run.model_name || run.model || "Run";
    const words = provenance || provenanceWords(run.provenance, WITHOUT_POWER);
    const badge = (kind, text) => h("span", { class: `badge ${kind}` }, text);
    this.badges.replaceChildren(
      badge(/^measured$/.test(words) ? "provenance" : "provenance doubt", words),
      badge(`status-${run.status}`, run.status || "status unknown"),
      ...tagsOf(run).map((tag) => badge("tag", tag)),
    );
    this.cards.replaceChildren(...cards(figuresOf(run, summary), accounts));
    const id = encodeURIComponent(run.run_id || run.id);
    const links = EXPORTS.map(([format, name]) =>
      h("a", { href: `/api/profiling/export/${id}?format=${format}`, download: "" }, name),
    );
    const compare = h("a", { href: `#/compare?run=${id}` }, "Compare with another run");
    this.facts.replaceChildren(
      facts(run),
      h(
        "p",
        { class: "actions" },
        compare,
        " · Download: ",
        links.flatMap((one) => [one, " "]),
      ),
    );
  }

  // Shows prompt and response, or that they are not stored.
  showTexts({ prompt, response }) {
    const block = (name, words) =>
      words
        ? h(
            "details",
            {},
            h("summary", {}, `${name} (${quantityOf(words)})`),
            h("blockquote", {}, words),
          )
        : null;
    const found = [block("Prompt", prompt), block("Response", response)].filter(Boolean);
    const none = h("p", { class: "note" }, "Prompt and response are not stored in this run.");
    this.texts.replaceChildren(...(found.length ? found : [none]));
  }

  // Shows doubts about the figures, and what the recorder noted.
  showCautions({ warnings, events }) {
    const noted = (events || []).map((one) =>
      one.count > 1 ? `${one.message} (${one.count} times)` : one.message,
    );
    const doubts = (warnings || []).map(({ rail, message }) =>
      rail ? `${rail}: ${message}` : message,
    );
    const items = (list) => list.slice(0, MOST_NOTES).map((one) => h("li", {}, one));
    const more = noted.length > MOST_NOTES ? [`${noted.length - MOST_NOTES} more`] : [];
    this.cautions.replaceChildren(
      ...(doubts.length ? [h("ul", { class: "cautions" }, items(doubts))] : []),
      ...(noted.length
        ? [
            h(
              "details",
              {},
              h("summary", {}, `Notes of the recorder (${noted.length})`),
              h("ul", { class: "events" }, items(noted), items(more)),
            ),
          ]
        : []),
    );
  }

  notice(...content) {
    this.notices.replaceChildren(h("p", { class: "caution" }, ...content));
  }
}

const quantityOf = (words) => `${words.length} character${words.length === 1 ? "" : "s"}`;
