// Cancels a run that this server has started.

import { button, element, replace } from "../../dom.js";
import { failure } from "../../frame.js";

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
