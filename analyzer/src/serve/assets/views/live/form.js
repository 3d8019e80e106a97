// Starts a run of a model on the server.

import { isAborted } from "../../api.js";
import { button, choice, element, field, replace } from "../../dom.js";
import { failure } from "../../frame.js";

const DEPTHS = [
  ["phase", "phase: run, phases, tokens"],
  ["layer", "layer: also sections and layers"],
  ["module", "module: also components of layers"],
  ["deep", "deep: single operations"],
];

const number = (attributes) => element("input", { type: "number", ...attributes });
const valueOf = (input) => (input.value === "" ? undefined : Number(input.value));
const list = (text) =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean);

// Creates the form. `started(id)` is called with the id of the run.
export function startForm({ api, started }) {
  const prompt = element("textarea", { rows: 3, required: true, maxlength: 100000 });
  prompt.value = "Explain in a few sentences why the sky is blue.";
  const model = element("select", { disabled: true }, element("option", {}, "loading models …"));
  const depth = choice(DEPTHS, {}, "module");
  const tokens = number({ min: 1, max: 100000, value: 64, required: true });
  const temperature = number({ min: 0, max: 5, step: "any", value: 0 });
  const topK = number({ min: 1, placeholder: "all" });
  const topP = number({ min: 0, max: 1, step: "any", placeholder: "1" });
  const seed = number({ min: 0, placeholder: "0" });
  const name = element("input", { autocomplete: "off" });
  const experiment = element("input", { autocomplete: "off" });
  const tags = element("input", { autocomplete: "off" });
  const raw = element("input", { type: "checkbox" });
  const modelled = element("input", { type: "checkbox" });
  const queue = element("input", { type: "checkbox" });
  const submit = element("button", { type: "submit", class: "main" }, "Start");
  const result = element("div", { class: "result" });

  async function loadModels() {
    try {
      const { models } = await api.get("/models");
      const options = models.map((one) =>
        element("option", { value: one.id }, label(one)),
      );
      if (!options.length) throw new Error("There is no model; see `energy serve --models DIR`");
      replace(model, options);
      model.disabled = false;
      submit.disabled = false;
    } catch (error) {
      if (isAborted(error)) return;
      replace(model, element("option", { value: "" }, "unknown"));
      submit.disabled = true;
      replace(result, failure(error, loadModels));
      return;
    }
    replace(result);
  }

  async function start(event) {
    event.preventDefault();
    submit.disabled = true;
    replace(result, element("p", { class: "note", role: "status" }, "Starting …"));
    const body = {
      prompt: prompt.value,
      model: model.value,
      depth: depth.value,
      max_tokens: valueOf(tokens),
      temperature: valueOf(temperature),
      top_k: valueOf(topK),
      top_p: valueOf(topP),
      seed: valueOf(seed),
      raw: raw.checked || undefined,
      name: name.value.trim() || undefined,
      experiment: experiment.value.trim() || undefined,
      tags: list(tags.value),
      allow_modelled: modelled.checked,
      on_busy: queue.checked ? "queue" : "refuse",
    };
    try {
      const answer = await api.post("/generate", body);
      replace(
        result,
        element(
          "p",
          { class: "note", role: "status" },
          `Run ${answer.run_id.slice(0, 8)} ${answer.status === "queued" ? "waits for the one before it" : "starts"}.`,
        ),
      );
      started(answer.run_id);
    } catch (error) {
      replace(result, failure(error));
      if (error.status === 503) modelled.focus();
    } finally {
      submit.disabled = false;
    }
  }

  const check = (input, text) => element("label", { class: "check" }, input, element("span", {}, text));
  const form = element(
    "form",
    { class: "start", onsubmit: start, "aria-labelledby": "start-title" },
    element("h2", { id: "start-title" }, "Start a run"),
    field("Prompt", prompt),
    field("Model", model),
    field("Depth of spans", depth),
    element(
      "div",
      { class: "pair" },
      field("Most tokens", tokens),
      field("Temperature", temperature),
    ),
    element(
      "div",
      { class: "pair" },
      field("Experiment", experiment),
      field("Tags", tags, "separated by commas: key or key=value"),
    ),
    element(
      "details",
      {},
      element("summary", {}, "More settings"),
      element("div", { class: "pair" }, field("Name", name), field("Seed", seed)),
      element("div", { class: "pair" }, field("Top k", topK), field("Top p", topP)),
      check(raw, "continue the prompt without the chat template"),
      check(queue, "wait if another run is being generated"),
    ),
    check(modelled, "allow modelled power where no sensor can be read (modelled, not measured)"),
    element("div", { class: "buttons" }, submit),
    result,
  );
  submit.disabled = true;
  loadModels();
  return { element: form, reload: loadModels };
}

function label({ name, precision, size_bytes: bytes, is_cached: isCached }) {
  const size = typeof bytes === "number" ? `${(bytes / 1e6).toFixed(0)} MB` : null;
  return [name, precision, size, isCached ? null : "not downloaded yet"].filter(Boolean).join(", ");
}

// A button that cancels a run after a second click.
export function cancelButton({ api, announce }) {
  let [id, isArmed] = [null, false];
  const result = element("span", { role: "status" });
  const made = button("Cancel the run", click, { class: "danger" });
  const disarm = () => {
    isArmed = false;
    made.textContent = "Cancel the run";
  };
  async function click() {
    if (!isArmed) {
      isArmed = true;
      made.textContent = "Cancel: click again";
      return;
    }
    disarm();
    made.disabled = true;
    try {
      await api.post(`/cancel/${encodeURIComponent(id)}`, {});
      announce("The run is being cancelled");
      result.textContent = "being cancelled …";
    } catch (error) {
      replace(result, failure(error));
    } finally {
      made.disabled = false;
    }
  }
  made.addEventListener("blur", disarm);
  const root = element("div", { class: "buttons", hidden: true }, made, result);
  return {
    element: root,
    // Offers to cancel the run with that id; null: none.
    show(run) {
      root.hidden = run === null;
      if (run !== id) {
        id = run;
        result.textContent = "";
        disarm();
      }
    },
  };
}
