// Chooses what is compared: two to four runs or groups.

import { button, choice, element, field, replace } from "../../dom.js";
import { startOf, tagsOf, titleOf } from "../runs.js";

const LEAST = 2;
const MOST = 4;
const LETTERS = "ABCD";
// Runs that are offered.
const OFFERED = 100;

const PER = [
  ["", "token if all runs have them, else run"],
  ["token", "token"],
  ["run", "run"],
  ["input_token", "prompt token"],
  ["output_token", "generated token"],
];

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

// Label of the setting that messages name.
export const DIFFERENT = "compare although configurations differ";

// `story (654fd4ad), 2026-11-29 12:45, SmolLM2`
function describe(run) {
  const id = run.run_id.slice(0, 8);
  const title = titleOf(run);
  const name = title === id ? id : `${title} (${id})`;
  return [name, startOf(run), run.model_name].filter(Boolean).join(", ");
}

// Creates the form. `changed({runs, per, phase, different})` is called when it is sent.
export function chooser({ api, changed }) {
  const list = element("datalist", { id: "known-sides" });
  const rows = element("div", { class: "sides" });
  const per = choice(PER);
  const phase = element("input", { autocomplete: "off", placeholder: "all" });
  const different = element("input", { type: "checkbox" });
  const titles = new Map();
  const add = button("Add a side", () => draw([...values(), ""]));

  const inputs = () => [...rows.querySelectorAll("input")];
  const values = () => inputs().map((input) => input.value.trim());

  function draw(sides) {
    const shown = sides.slice(0, MOST);
    while (shown.length < LEAST) shown.push("");
    replace(
      rows,
      shown.map((value, at) => {
        const input = element("input", {
          list: "known-sides",
          autocomplete: "off",
          value,
          required: at < LEAST,
          placeholder: "run, group, or tag such as config=q8_0",
          "aria-label": `Side ${LETTERS[at]}`,
        });
        return element(
          "div",
          { class: "side-row" },
          element("strong", { class: `side-${LETTERS[at]}` }, LETTERS[at]),
          element("div", {}, input, aboutSide(input)),
          button("Remove", () => draw(values().filter((_, other) => other !== at)), {
            class: "plain",
            disabled: shown.length <= LEAST,
            "aria-label": `Remove side ${LETTERS[at]}`,
          }),
        );
      }),
    );
    add.disabled = shown.length >= MOST;
  }

  // The name of the run whose id an input has.
  function aboutSide(input) {
    const about = element("small", { class: "about-side" });
    const show = async () => {
      const value = input.value.trim();
      if (UUID.test(value) && !titles.has(value)) await readTitle(value);
      if (input.value.trim() === value) about.textContent = titles.get(value) || "";
    };
    input.addEventListener("change", show);
    show();
    return about;
  }

  async function readTitle(id) {
    try {
      const { run } = await api.get(`/run/${encodeURIComponent(id)}/head`);
      titles.set(id, describe(run));
    } catch {
      // The comparison itself names a run that does not exist.
    }
  }

  async function offer() {
    try {
      const { runs } = await api.get("/runs", { query: { limit: OFFERED } });
      const options = new Map();
      for (const run of runs) {
        options.set(run.run_id, describe(run));
        titles.set(run.run_id, describe(run));
        for (const tag of tagsOf(run))
          if (tag.includes("=")) options.set(tag, "all runs with this tag");
      }
      replace(
        list,
        [...options].map(([value, text]) => element("option", { value }, text)),
      );
    } catch {
      // The inputs work without suggestions.
    }
  }

  const form = element(
    "form",
    {
      class: "controls",
      "aria-label": "What to compare",
      onsubmit: (event) => {
        event.preventDefault();
        changed({
          runs: values().filter(Boolean),
          per: per.value,
          phase: phase.value.trim(),
          different: different.checked,
        });
      },
    },
    rows,
    list,
    element(
      "div",
      { class: "sides" },
      element("div", { class: "pair" }, field("Energy per", per), field("Phase", phase)),
      element(
        "label",
        { class: "check" },
        different,
        element("span", {}, DIFFERENT),
      ),
      element(
        "div",
        { class: "buttons" },
        element("button", { type: "submit", class: "main" }, "Compare"),
        add,
      ),
    ),
  );
  offer();
  return {
    element: form,
    show(query) {
      draw(query.getAll("run"));
      per.value = query.get("per") || "";
      phase.value = query.get("phase") || "";
      different.checked = query.get("different") === "yes";
    },
  };
}
