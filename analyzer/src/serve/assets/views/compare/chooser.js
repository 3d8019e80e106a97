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

// Creates the form. `changed({runs, per, phase, different})` is called when it is sent.
export function chooser({ api, changed }) {
  const list = element("datalist", { id: "known-sides" });
  const rows = element("div", { class: "sides" });
  const per = choice(PER);
  const phase = element("input", { autocomplete: "off", placeholder: "all" });
  const different = element("input", { type: "checkbox" });
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
          input,
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

  async function offer() {
    try {
      const { runs } = await api.get("/runs", { query: { limit: OFFERED } });
      const options = new Map();
      for (const run of runs) {
        options.set(run.run_id, `${titleOf(run)}, ${startOf(run)}, ${run.model_name || ""}`);
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
        element("span", {}, "compare although configurations differ"),
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
      different.checked = query.get("different") !== "no";
    },
  };
}
