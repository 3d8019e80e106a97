// Cancels a run that this server has started.

import { button, element, replace } from "../../dom.js";
import { failure } from "../../frame.js";

// Time until a second click no longer counts.
const ARMED_MS = 5000;

// A button that cancels a run after a second click.
export function cancelButton({ api, announce }) {
  let [id, isArmed, timer] = [null, false, null];
  const result = element("span", { role: "status" });
  const made = button("Cancel the run", click, { class: "danger" });
  const disarm = () => {
    clearTimeout(timer);
    isArmed = false;
    made.textContent = "Cancel the run";
  };
  async function click() {
    if (!isArmed) {
      isArmed = true;
      made.textContent = "Cancel: click again";
      result.textContent = `click again within ${ARMED_MS / 1000} s`;
      timer = setTimeout(() => {
        disarm();
        result.textContent = "not cancelled: there was no second click";
      }, ARMED_MS);
      return;
    }
    disarm();
    made.disabled = true;
    try {
      await api.post(`/cancel/${encodeURIComponent(id)}`, {});
      result.textContent = "being cancelled …";
      announce("The run is being cancelled");
    } catch (error) {
      replace(result, failure(error));
    } finally {
      made.disabled = false;
    }
  }
  made.addEventListener("blur", () => {
    if (isArmed) result.textContent = "";
    disarm();
  });
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
