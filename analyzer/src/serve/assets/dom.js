// Elements that several views use. Recorded text becomes text nodes and attributes only.

import { capitalised, h, isKnown, isPresent, UNKNOWN } from "/assets/charts.js";

export const element = h;

// Replaces the content of an element, without the absent children.
export function replace(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter(isPresent));
  return parent;
}

// Sets the text of an element if it differs, so that screen readers do not repeat it.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Draws the content of an element anew; areas in it stay scrolled as they are.
export function keepScroll(root, draw) {
  const areas = () => [...root.querySelectorAll(".wide")];
  const before = areas().map((one) => [one.scrollTop, one.scrollLeft]);
  draw();
  areas().forEach((one, at) => {
    if (before[at]) [one.scrollTop, one.scrollLeft] = before[at];
  });
}

export const button = (text, onclick, attributes) =>
  element("button", { type: "button", onclick, ...attributes }, text);
// A button with a sign as text; `label` are its words.
export const control = (sign, label, act) => button(sign, act, { "aria-label": label });

// A control below its label. `hint` explains it.
let fields = 0;
export function field(text, control, hint) {
  fields += 1;
  const id = control.id || `field${fields}`;
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return element(
    "div",
    { class: "field" },
    element("label", { for: id }, text),
    control,
    hint ? element("small", { id: `${id}-hint` }, hint) : null,
  );
}

// A drop-down list: `options` are texts, or pairs of value and text.
export function choice(options, attributes, chosen) {
  const made = element("select", attributes);
  for (const option of options) {
    const [value, text] = Array.isArray(option) ? option : [option, option];
    made.append(element("option", { value, selected: value === chosen }, text));
  }
  return made;
}

// Longest table; more rows would make the page slow.
const MOST = 2000;

// A table. Columns are `[title, read, show, name]`: `read(row)` returns text or elements; with
// `show` it returns a number, by which the table is sorted, and `show(number, row)` its text.
// `of(row)` returns attributes of the row, `roles` states them where styles hide that it is a table.
export function table(caption, columns, rows, { most = MOST, of, roles, ...attributes } = {}) {
  const role = (name) => (roles ? name : null);
  const cell = (row, [heading, read, show, name]) => {
    const value = read(row);
    return h(
      "td",
      {
        role: role("cell"),
        class: show ? "n" : null,
        "data-v": show && isKnown(value) ? value : null,
        "data-name": name,
        "data-label": roles && typeof heading === "string" ? heading : null,
      },
      show ? show(value, row) : (value ?? UNKNOWN),
    );
  };
  const head = ([heading, , show, name]) =>
    h(
      "th",
      { scope: "col", role: role("columnheader"), class: show ? "n" : null, "data-name": name },
      heading,
    );
  const cut = rows.length > most ? `; the first ${most} of ${rows.length} rows` : "";
  return h(
    "table",
    { role: role("table"), ...attributes },
    caption ? h("caption", {}, caption + cut) : null,
    h(
      "thead",
      { role: role("rowgroup") },
      h("tr", { role: role("row") }, columns.map(head)),
    ),
    h(
      "tbody",
      { role: role("rowgroup") },
      rows
        .slice(0, most)
        .map((row) =>
          h(
            "tr",
            { role: role("row"), ...of?.(row) },
            columns.map((column) => cell(row, column)),
          ),
        ),
    ),
  );
}

export const count = (value) => (isKnown(value) ? String(value) : UNKNOWN);

// An area that scrolls by itself, and is reached by keys.
export const scrolling = (label, content, kind = "wide") =>
  element("div", { class: kind, tabindex: 0, role: "region", "aria-label": label }, content);

// A key figure: name, value, explanation.
export function card(key, what, value, detail, raw) {
  return element(
    "div",
    { class: "card", "data-key": key, "data-v": raw },
    element("span", { class: "what" }, capitalised(what)),
    element("strong", {}, value),
    element("small", {}, detail),
  );
}
