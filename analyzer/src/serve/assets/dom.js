// Creates elements. Recorded text becomes text nodes and attributes only, never markup.

// Creates an element. Attributes whose value is a function are listeners (`onclick`), `true` is
// an attribute without value; `false`, null and undefined are left out.
export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...known(children));
  return made;
}

const known = (children) =>
  children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false);

// Replaces the content of an element, without the unknown children.
export function replace(parent, ...children) {
  parent.replaceChildren(...known(children));
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

// A table. Columns are `{title, numeric}`; cells are texts, elements or `{text, value}`, where
// `value` is what the table is sorted by.
export function table(caption, columns, rows, attributes) {
  const cell = (content, at) => {
    const isPair = content && typeof content === "object" && "text" in content && !content.nodeType;
    return element(
      "td",
      {
        class: columns[at].numeric ? "n" : null,
        "data-v": isPair ? content.value : null,
        "data-name": columns[at].name,
      },
      isPair ? content.text : content,
    );
  };
  return element(
    "table",
    attributes,
    caption ? element("caption", {}, caption) : null,
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        columns.map((one) =>
          element("th", { scope: "col", class: one.numeric ? "n" : null }, one.title),
        ),
      ),
    ),
    element(
      "tbody",
      {},
      rows.map((cells) => element("tr", {}, cells.map(cell))),
    ),
  );
}

// An area that scrolls by itself, and is reached by keys.
export const scrolling = (label, content, kind = "wide") =>
  element("div", { class: kind, tabindex: 0, role: "region", "aria-label": label }, content);

// A key figure: name, value, explanation.
export function card(key, what, value, detail, raw) {
  return element(
    "div",
    { class: "card", "data-key": key, "data-v": raw },
    element("span", { class: "what" }, what),
    element("strong", {}, value),
    element("small", {}, detail),
  );
}
