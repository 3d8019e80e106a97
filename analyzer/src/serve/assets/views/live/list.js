// Runs that are being recorded: by this server, or by other programs into the same file.

import { provenanceWords, watts } from "/assets/charts.js";
import { element, replace } from "../../dom.js";
import { short } from "../runs.js";

const STATUS = {
  running: "recording",
  complete: "complete",
  cancelled: "cancelled",
  crashed: "crashed: its process ended without closing it",
};

const statusText = (run) =>
  run.isRunning && !run.heard
    ? run.status === "queued"
      ? "waits"
      : "starting"
    : run.isRunning && !run.hasPower
      ? "recording, no power reading yet"
      : STATUS[run.status] || run.status;

// Creates the list. `show(runs, chosen, own)` shows the runs; `own` are ids of runs that this
// server started, and a stale list shows no power; `choose(id)` is called when one is chosen.
export function recordingList(choose) {
  const [list, endedList] = [0, 1].map(() => element("ul", { class: "recordings" }));
  const items = new Map();
  const empty = element("p", { class: "note" }, "Nothing is being recorded.");
  const endedTitle = element("h3", { hidden: true }, "Ended");
  // Nothing is moved while it stays the same: a focused button keeps the focus.
  const fill = (place, nodes) => {
    const isSame =
      place.children.length === nodes.length &&
      nodes.every((node, at) => place.children[at] === node);
    if (!isSame) replace(place, nodes);
  };
  const root = element(
    "section",
    { "aria-labelledby": "recordings-title", "data-frame": "recordings" },
    element("h2", { id: "recordings-title" }, "Recording now"),
    empty,
    list,
    endedTitle,
    endedList,
  );
  function item(run) {
    const name = element("strong", {});
    const about = element("small", {});
    const button = element(
      "button",
      { type: "button", onclick: () => choose(run.id), "data-run": run.id },
      name,
      about,
    );
    const made = { node: element("li", {}, button), name, about, button };
    items.set(run.id, made);
    return made;
  }
  return {
    element: root,
    show(runs, chosen, own, isStale) {
      empty.hidden = runs.some((run) => run.isRunning);
      endedTitle.hidden = runs.every((run) => run.isRunning);
      const shown = runs.map((run) => {
        const one = items.get(run.id) || item(run);
        const power = run.isRunning && !isStale ? run.power() : null;
        const by = own.has(run.id)
          ? "started here"
          : run.info.pid
            ? `process ${run.info.pid}`
            : "another program";
        const texts = [
          run.info.name && run.info.model ? short(run.info.model) : null,
          by,
          statusText(run),
          power === null
            ? null
            : `${watts(power)}${run.provenance === "measured" ? "" : `, ${provenanceWords(run.provenance)}`}`,
        ];
        one.name.textContent = run.title;
        one.about.textContent = texts.filter(Boolean).join(" · ");
        one.button.setAttribute("aria-pressed", String(run.id === chosen));
        one.node.dataset.status = run.status;
        return one.node;
      });
      for (const id of [...items.keys()]) {
        if (!runs.some((run) => run.id === id)) items.delete(id);
      }
      fill(
        list,
        shown.filter((_, at) => runs[at].isRunning),
      );
      fill(
        endedList,
        shown.filter((_, at) => !runs[at].isRunning),
      );
    },
  };
}
