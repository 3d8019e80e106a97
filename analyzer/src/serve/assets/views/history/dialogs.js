// Dialogs of one run: its tags, and its deletion.

import { button, element, field, replace } from "../../dom.js";
import { failure } from "../../frame.js";
import { short, tagsOf, titleOf, typedName } from "../runs.js";

let dialogs = 0;

// Opens a modal dialog; it is removed when it is closed.
function dialog(title, ...children) {
  dialogs += 1;
  const id = `dialog${dialogs}`;
  const made = element(
    "dialog",
    { "aria-labelledby": id, onclose: () => made.remove() },
    element("h2", { id }, title),
    ...children,
  );
  document.body.append(made);
  made.showModal();
  return made;
}

// Opens a dialog that deletes a run once its name is typed. `removed()` is called afterwards.
export function deleteDialog({ api, run, removed }) {
  const typed = typedName(run);
  const input = element("input", { autocomplete: "off", spellcheck: "false" });
  const confirm = element("button", { type: "submit", class: "danger", disabled: true }, "Delete");
  const result = element("div", {});
  const form = element(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        confirm.disabled = true;
        try {
          await api.delete(`/run/${encodeURIComponent(run.run_id)}`, { confirm: run.run_id });
          made.close();
          removed();
        } catch (error) {
          replace(result, failure(error));
          confirm.disabled = false;
        }
      },
    },
    element("p", {}, "All data of this run are removed from the file. This cannot be undone."),
    field(`Type ${typed} to confirm`, input),
    result,
    element(
      "div",
      { class: "buttons" },
      confirm,
      button("Keep the run", () => made.close()),
    ),
  );
  input.addEventListener("input", () => {
    confirm.disabled = input.value.trim() !== typed;
  });
  const made = dialog(`Delete ${titleOf(run)}?`, form);
  input.focus();
}

// Edits the tags of a run. `changed()` is called after each change.
export function tagDialog({ api, run, changed }) {
  let tags = tagsOf(run);
  const list = element("ul", { class: "tags" });
  const input = element("input", { autocomplete: "off", placeholder: "key or key=value" });
  const result = element("div", {});
  const address = `/run/${encodeURIComponent(run.run_id)}`;
  // Sets a tag; null removes it.
  async function edit(key, value) {
    try {
      tags = tagsOf(await api.patch(address, { tags: { [key]: value } }));
      replace(result);
      changed();
    } catch (error) {
      replace(result, failure(error));
    }
    draw();
  }
  function draw() {
    replace(
      list,
      tags.map((tag) =>
        element(
          "li",
          {},
          element("span", { class: "tag" }, short(tag)),
          button("Remove", () => edit(tag.split("=")[0], null), {
            class: "plain",
            "aria-label": `Remove tag ${short(tag)}`,
          }),
        ),
      ),
      tags.length ? null : element("li", { class: "note" }, "This run has no tags."),
    );
  }
  const form = element(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        const tag = input.value.trim();
        if (!tag) return;
        input.value = "";
        const [key, ...value] = tag.split("=");
        edit(key.trim(), value.join("=").trim());
      },
    },
    list,
    field("New tag", input),
    result,
    element(
      "div",
      { class: "buttons" },
      element("button", { type: "submit", class: "main" }, "Add"),
      button("Close", () => made.close()),
    ),
  );
  draw();
  const made = dialog(`Tags of ${titleOf(run)}`, form);
  input.focus();
}
