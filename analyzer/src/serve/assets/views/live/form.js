// Starts a run of a model on the server.

import { choice, element, field, replace } from "../../dom.js";
import { failure } from "../../frame.js";

const DEPTHS = [
  ["phase", "phase: run, phases, tokens"],
  ["layer", "layer: also sections and layers"],
  ["module", "module: also components of layers"],
  ["deep", "deep: single operations"],
];

// Settings that messages name.
const QUEUE = "wait if another run is being generated";
const MODELLED = "allow modelled power";

// An error whose next step is a control of this form instead of a key of a request.
const inWords = (error) => ({
  detail: error.detail || error.message,
  remedy:
    error.status === 409
      ? `tick \u201c${QUEUE}\u201d and start again, or cancel that run`
      : error.status === 503
        ? `tick \u201c${MODELLED}\u201d and start again; or run \`energy doctor\`, which shows how to grant access to sensors`
        : error.remedy,
});

const number = (attributes) => element("input", { type: "number", ...attributes });
const valueOf = (input) => (input.value === "" ? undefined : Number(input.value));
const list = (text) =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean);

const check = (input, text) =>
  element("label", { class: "check" }, input, element("span", {}, text));
const pair = (...fields) => element("div", { class: "pair" }, fields);

// Controls of the settings.
function controls() {
  const prompt = element("textarea", { rows: 3, required: true, maxlength: 100000 });
  prompt.value = "Explain in a few sentences why the sky is blue.";
  const text = () => element("input", { autocomplete: "off" });
  const box = () => element("input", { type: "checkbox" });
  return {
    prompt,
    model: element("select", { disabled: true }, element("option", {}, "loading models …")),
    depth: choice(DEPTHS, {}, "module"),
    tokens: number({ min: 1, max: 100000, value: 64, required: true }),
    temperature: number({ min: 0, max: 5, step: "any", value: 0 }),
    topK: number({ min: 1, placeholder: "all" }),
    topP: number({ min: 0, max: 1, step: "any", placeholder: "1" }),
    minP: number({ min: 0, max: 1, step: "any", placeholder: "0" }),
    penalty: number({ min: 1, max: 100, step: "any", placeholder: "1" }),
    batch: number({ min: 1, max: 256, placeholder: "1" }),
    system: text(),
    stop: text(),
    seed: number({ min: 0, placeholder: "0" }),
    name: text(),
    experiment: text(),
    tags: text(),
    raw: box(),
    stats: box(),
    modelled: box(),
    queue: box(),
  };
}

// The body of the request that starts a run.
const settingsOf = (inputs) => ({
  prompt: inputs.prompt.value,
  model: inputs.model.value,
  depth: inputs.depth.value,
  max_tokens: valueOf(inputs.tokens),
  temperature: valueOf(inputs.temperature),
  top_k: valueOf(inputs.topK),
  top_p: valueOf(inputs.topP),
  min_p: valueOf(inputs.minP),
  repeat_penalty: valueOf(inputs.penalty),
  batch: valueOf(inputs.batch),
  system: inputs.system.value.trim() || undefined,
  stop: inputs.stop.value ? [inputs.stop.value] : undefined,
  seed: valueOf(inputs.seed),
  raw: inputs.raw.checked || undefined,
  stats: inputs.stats.checked || undefined,
  name: inputs.name.value.trim() || undefined,
  experiment: inputs.experiment.value.trim() || undefined,
  tags: list(inputs.tags.value),
  allow_modelled: inputs.modelled.checked,
  on_busy: inputs.queue.checked ? "queue" : "refuse",
});

export class StartForm {
  // `started(id, status)` is called when a run was started, or waits (`queued`).
  constructor({ api, started }) {
    Object.assign(this, { api, started, inputs: controls() });
    this.submit = element("button", { type: "submit", class: "main", disabled: true }, "Start");
    this.result = element("div", { class: "result" });
    this.element = element(
      "form",
      {
        class: "start",
        "aria-labelledby": "start-title",
        onsubmit: (event) => {
          event.preventDefault();
          this.#start();
        },
      },
      this.#content(),
    );
    this.#loadModels();
  }

  #content() {
    const { inputs } = this;
    return [
      element("h2", { id: "start-title" }, "Start a run"),
      field("Prompt", inputs.prompt),
      field("Model", inputs.model),
      field("Depth of spans", inputs.depth),
      pair(field("Most tokens", inputs.tokens), field("Temperature", inputs.temperature)),
      pair(
        field("Experiment", inputs.experiment),
        field("Tags", inputs.tags, "separated by commas: key or key=value"),
      ),
      element(
        "details",
        {},
        element("summary", {}, "More settings"),
        pair(field("Name", inputs.name), field("Seed", inputs.seed)),
        pair(field("Top k", inputs.topK), field("Top p", inputs.topP)),
        pair(field("Min p", inputs.minP), field("Repeat penalty", inputs.penalty)),
        pair(
          field("Batch", inputs.batch, "answers to the prompt at once"),
          field("Stop", inputs.stop, "text that ends the answer"),
        ),
        field("System turn", inputs.system),
        check(inputs.raw, "continue the prompt without the chat template"),
        check(inputs.stats, "record statistics of activations: mean, standard deviation, maximum, sparsity (slower)"),
        check(inputs.queue, QUEUE),
      ),
      check(
        inputs.modelled,
        `${MODELLED} where no sensor can be read (modelled, not measured)`,
      ),
      element("div", { class: "buttons" }, this.submit),
      this.result,
    ];
  }

  async #loadModels() {
    const { model } = this.inputs;
    try {
      const { models } = await this.api.get("/models");
      if (!models.length) throw new Error("There is no model; see `energy serve --models DIR`");
      replace(
        model,
        models.map((one) => element("option", { value: one.id }, label(one))),
      );
      model.disabled = false;
      this.submit.disabled = false;
      replace(this.result);
    } catch (error) {
      replace(model, element("option", { value: "" }, "unknown"));
      replace(
        this.result,
        failure(error, () => this.#loadModels()),
      );
    }
  }

  async #start() {
    this.#report("Starting …");
    this.submit.disabled = true;
    try {
      const answer = await this.api.post("/generate", settingsOf(this.inputs));
      const how = answer.status === "queued" ? "waits for the one before it" : "starts";
      this.#report(`Run ${answer.run_id.slice(0, 8)} ${how}.`);
      this.started(answer.run_id, answer.status);
    } catch (error) {
      replace(this.result, failure(inWords(error)));
      if (error.status === 503) this.inputs.modelled.focus();
      if (error.status === 409) this.#offerQueue();
    } finally {
      this.submit.disabled = false;
    }
  }

  // Shows the setting that lets a run wait.
  #offerQueue() {
    this.inputs.queue.closest("details").open = true;
    this.inputs.queue.focus();
  }

  #report(text) {
    replace(this.result, element("p", { class: "note", role: "status" }, text));
  }
}

function label({ name, precision, size_bytes: bytes, is_cached: isCached }) {
  const size = typeof bytes === "number" ? `${(bytes / 1e6).toFixed(0)} MB` : null;
  return [name, precision, size, isCached ? null : "not downloaded yet"].filter(Boolean).join(", ");
}
