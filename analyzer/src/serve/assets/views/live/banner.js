// What happens now, in a sentence.

import { element, replace } from "../../dom.js";
import { failure } from "../../frame.js";
import { timeOf } from "../runs.js";
import { pausesOf } from "./rails.js";

const link = (run, text) => element("a", { href: `#/run/${encodeURIComponent(run.id)}` }, text);

// State of the page: `none`, `starting`, `waiting`, `running`, or how the run ended.
export function stateOf(run) {
  if (!run) return "none";
  if (!run.isRunning) return run.status;
  if (!run.heard) return run.status === "queued" ? "queued" : "starting";
  return run.hasPower ? "running" : "waiting";
}

function sentences(state, run, database) {
  const open = run && link(run, "Open the run");
  switch (state) {
    case "none":
      return [
        "Nothing is being recorded. Start a run here, or record any program into this file: ",
        element("code", {}, `energy --db ${database || "FILE"} record -- PROGRAM`),
        ". It appears within a second.",
      ];
    case "queued":
      return [`${run.title} waits until the run before it has ended.`];
    case "starting":
      return [`${run.title} starts: its first data have not arrived yet.`];
    case "waiting":
      return [
        `${run.title} is being recorded. Waiting for power: no reading has arrived yet. `,
        "A sensor sends its first one after an idle baseline.",
      ];
    case "running":
      return [`${run.title} is being recorded.`];
    case "crashed":
      return [
        `${run.title} crashed: its process ended without closing the run. Data end at its last `,
        "heartbeat; all until then is kept. ",
        open,
      ];
    case "cancelled":
      return [`${run.title} was cancelled. What was recorded is kept. `, open];
    case "failed":
      return [`${run.title} did not start.`];
    default:
      return [`${run.title} is ${state}. `, open];
  }
}

// Creates the banner. `show(state)` takes `{connection, run, database}`.
export function banner({ socket, announce }) {
  const text = element("p", { class: "state" });
  const lost = element("div", { class: "caution", hidden: true });
  const notices = element("div", {});
  const root = element("div", { class: "banner", "data-frame": "state" }, lost, text, notices);
  let shown = "";
  return {
    element: root,
    show({ connection, run, database }) {
      const isLost = connection === "waiting" || connection === "silent";
      lost.hidden = !isLost;
      if (isLost && lost.dataset.connection !== connection) {
        const since = run && run.heard ? ` Figures are those of ${timeOf(run.heard)}.` : "";
        const what =
          connection === "silent"
            ? "The server sends nothing, although it should every 5 s."
            : "The connection to the server is lost.";
        lost.dataset.connection = connection;
        replace(
          lost,
          element(
            "p",
            {},
            `${what}${since} The page connects again by itself.`,
          ),
          element("button", { type: "button", onclick: () => socket.tryNow() }, "Connect now"),
        );
      } else if (!isLost && lost.childElementCount) {
        replace(lost);
        delete lost.dataset.connection;
      }
      const state = stateOf(run);
      const key = `${state} ${run ? run.id + run.title : ""} ${database}`;
      if (key !== shown) {
        replace(text, sentences(state, run, database));
        if (shown) announce(text.textContent);
        shown = key;
      }
      root.dataset.state = state;
      replace(
        notices,
        run && run.error ? failure({ detail: run.error.message, remedy: run.error.remedy }) : null,
        run && !run.isFilled
          ? element("p", { class: "note" }, `No message came for ${pausesOf(run)}; sums lack this time until it is read from the file.`)
          : null,
        run && run.lost
          ? element(
              "p",
              { class: "note" },
              `${run.lost} messages were skipped; what could be requested again is shown.`,
            )
          : null,
      );
    },
  };
}
