// The filters of the list. Their values are those of the address, so that a list can be linked.

import { WORDS } from "/assets/charts.js";
import { button, choice, element, field } from "../../dom.js";

const STATUS = [["", "any"], "running", "complete", "cancelled", "crashed"];
const SORT = [
  ["date", "start"],
  ["energy", WORDS.energy],
  ["j_per_token", WORDS.perToken],
  ["tokens_per_s", WORDS.speed],
  ["duration", WORDS.recorded],
];
// Time without input until the list is read again.
const PAUSE_MS = 350;

export const NAMES = [
  "prompt",
  "model",
  "engine",
  "experiment",
  "tags",
  "status",
  "date_from",
  "date_to",
  "sort_by",
  "order",
];

// Creates the form. `changed(values)` is called with the values that are set.
export function filterForm(changed) {
  const text = (attributes) => element("input", { autocomplete: "off", ...attributes });
  const inputs = {
    prompt: text({ type: "search" }),
    model: text({ type: "search" }),
    engine: text({ type: "search" }),
    experiment: text({ type: "search" }),
    tags: text({ type: "search" }),
    status: choice(STATUS),
    date_from: text({ type: "date" }),
    date_to: text({ type: "date" }),
    sort_by: choice(SORT),
    order: choice([
      ["desc", "descending"],
      ["asc", "ascending"],
    ]),
  };
  const defaults = { sort_by: "date", order: "desc" };
  const values = () => {
    const set = {};
    for (const name of NAMES) {
      const value = inputs[name].value.trim();
      if (value && value !== defaults[name]) set[name] = value;
    }
    return set;
  };
  let timer;
  const later = (pause) => {
    clearTimeout(timer);
    timer = setTimeout(() => changed(values()), pause);
  };
  const clear = button("Clear filters", () => {
    show(new URLSearchParams());
    later(0);
  });
  const form = element(
    "form",
    {
      class: "filters",
      role: "search",
      "aria-label": "Filter runs",
      oninput: () => later(PAUSE_MS),
      onsubmit: (event) => {
        event.preventDefault();
        later(0);
      },
    },
    field("Prompt contains", inputs.prompt),
    field("Model", inputs.model),
    field("Engine", inputs.engine),
    field("Experiment", inputs.experiment),
    field("Tags, by commas", inputs.tags),
    field("Status", inputs.status),
    field("From", inputs.date_from),
    field("To", inputs.date_to),
    field("Sort by", inputs.sort_by),
    field("Order", inputs.order),
    element("div", { class: "buttons end" }, clear),
  );
  // Sets the inputs to the parameters of an address.
  function show(query) {
    for (const name of NAMES) {
      const value = query.get(name) || defaults[name] || "";
      if (inputs[name].value !== value && document.activeElement !== inputs[name]) {
        inputs[name].value = value;
      }
    }
  }
  const isWide = window.matchMedia("(min-width: 44rem)").matches;
  const folded = element(
    "details",
    { open: isWide, class: "controls" },
    element("summary", {}, "Filters"),
    form,
  );
  return { element: folded, show };
}
