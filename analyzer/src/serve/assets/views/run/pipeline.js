// The pipeline as a table of bars over time: phases, which open to show their sections.

import {
  h,
  isKnown,
  joules,
  partColour,
  percent,
  phaseColour,
  seconds,
  watts,
  WORDS,
} from "/assets/charts.js";

const share = (percentage) => (isKnown(percentage) ? percentage / 100 : null);

// One row of the answer.
const rowOf = (one, name) => ({
  name,
  duration_ns: one.busy_ns,
  energy_j: one.energy_j,
  avg_w: one.avg_w,
  timeShare: share(one.duration_percentage),
  energyShare: share(one.energy_percentage),
});

// Phases with their sections, and the times at which they ran.
export function pipelineOf(answer, timeline) {
  const end = timeline?.end_ns || (answer.total_duration_ms || 0) * 1e6;
  const bands = timeline?.bands || [];
  const phases = answer.phases.map((one) => {
    const times = bands
      .filter((band) => band.phase === one.phase)
      .map((band) => ({ from: band.start_ns, to: band.end_ns ?? end }));
    const sections = one.sections.map((section) => rowOf(section, section.section_name));
    return { ...rowOf(one, one.phase), times, sections: placed(sections, times) };
  });
  return { end, phases };
}

// Sections are drawn one after another, from the start of their phase.
function placed(sections, times) {
  let free = times[0]?.from ?? 0;
  return sections.map((section) => {
    if (!isKnown(section.duration_ns)) return { ...section, times: [] };
    const from = free;
    free += section.duration_ns;
    return { ...section, times: [{ from, to: free }] };
  });
}

function track(row, end, colour) {
  const bars = row.times.map(({ from, to }) => {
    const bar = h("i", { class: "run-bar" });
    bar.style.left = `${(Math.max(0, from) / (end || 1)) * 100}%`;
    bar.style.width = `${Math.max(0.15, ((to - from) / (end || 1)) * 100)}%`;
    bar.style.background = colour;
    return bar;
  });
  return h("td", { class: "track", "aria-hidden": "true" }, h("div", {}, bars));
}

const cells = (row) => {
  const number = (words, value, kind = "") =>
    h("td", { class: `n ${kind}`, "data-v": value }, words);
  return [
    number(seconds(row.duration_ns), row.duration_ns),
    number(percent(row.timeShare), row.timeShare, "minor"),
    number(joules(row.energy_j), row.energy_j),
    number(percent(row.energyShare), row.energyShare, "minor"),
    number(watts(row.avg_w), row.avg_w, "minor"),
  ];
};

export class PipelineTable {
  constructor() {
    this.open = new Set();
  }

  // Returns the table; rows of sections follow their phase when it is open.
  build({ end, phases }, heads) {
    const names = [
      ["", ""],
      ["over time", "track"],
      [WORDS.time, "n"],
      ["share of time", "n minor"],
      [WORDS.energy, "n"],
      ["share of energy", "n minor"],
      [WORDS.average, "n minor"],
    ];
    const body = h("tbody", {});
    for (const phase of phases) body.append(...this.#rows(phase, end, heads));
    const head = names.map(([name, kind], at) =>
      at
        ? h("th", { scope: "col", class: kind, "aria-hidden": at === 1 ? "true" : null }, name)
        : h("th", { scope: "col" }, WORDS.phase),
    );
    const words =
      `Bars are drawn from 0 s to ${seconds(end)}; sections one after another, by their total ` +
      "time in the phase. Shares of sections are those of their phase.";
    const axis = h("p", { class: "note" }, words);
    const table = h("table", { class: "pipeline" }, h("thead", {}, h("tr", {}, head)), body);
    return [table, axis];
  }

  #rows(phase, end, heads) {
    const sections = phase.sections.map((section) =>
      h(
        "tr",
        { class: "inner", "data-section": section.name },
        h("th", { scope: "row" }, section.name),
        track(section, end, partColour(section.name)),
        cells(section),
      ),
    );
    const mark = h("span", { "aria-hidden": "true", class: "arrow" });
    const name = sections.length
      ? h("button", { type: "button", class: "opener" }, mark, phase.name)
      : phase.name;
    const show = (isOpen) => {
      mark.textContent = isOpen ? "▾" : "▸";
      if (sections.length) name.setAttribute("aria-expanded", isOpen);
      for (const row of sections) row.hidden = !isOpen;
    };
    if (sections.length) {
      name.addEventListener("click", () => {
        const isOpen = !this.open.has(phase.name);
        if (isOpen) this.open.add(phase.name);
        else this.open.delete(phase.name);
        show(isOpen);
      });
    }
    show(this.open.has(phase.name));
    return [
      h(
        "tr",
        { "data-phase": phase.name },
        h("th", { scope: "row" }, name),
        track(phase, end, phaseColour(heads, phase.name)),
        cells(phase),
      ),
      ...sections,
    ];
  }
}
