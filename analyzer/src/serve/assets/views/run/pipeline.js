// The pipeline as a table of bars over time: phases, which open to show their sections.

import {
  h,
  interval,
  isKnown,
  joules,
  partColour,
  percent,
  phaseColour,
  seconds,
  watts,
} from "/assets/charts.js";

const ns = (one, name) => {
  if (isKnown(one[`${name}_ns`])) return one[`${name}_ns`];
  return isKnown(one[`${name}_ms`]) ? one[`${name}_ms`] * 1e6 : null;
};
const known = (...values) => values.find(isKnown) ?? null;
const milli = (value) => (isKnown(value) ? value / 1e3 : null);
const share = (value, whole) => (isKnown(value) ? value / 100 : isKnown(whole) ? whole : null);

// One row of the answer, with the quantities in joules, watts and nanoseconds.
function rowOf(one, name) {
  return {
    name,
    start_ns: ns(one, "start"),
    duration_ns: known(ns(one, "total_duration"), ns(one, "duration"), one.busy_ns),
    energy_j: known(
      one.energy_j,
      one.total_energy_j,
      milli(one.total_energy_mj),
      milli(one.energy_mj),
    ),
    lo_j: one.lo_j ?? null,
    hi_j: one.hi_j ?? null,
    avg_w: known(one.avg_power_w, one.avg_w, milli(one.avg_power_mw)),
    timeShare: share(one.duration_percentage, one.duration_share),
    energyShare: share(one.energy_percentage, one.energy_share),
    count: one.count ?? one.instances ?? one.section_count ?? null,
  };
}

const sectionName = (one) => one.section_name || one.section || one.name || "(unnamed)";

// Phases with their sections, and the times at which they ran.
export function pipelineOf(answer, timeline) {
  const end = timeline?.end_ns || ns(answer, "total_duration") || 0;
  const bands = timeline?.bands || [];
  const phases = (answer.phases || []).map((one) => {
    const row = rowOf(one, one.phase || one.name || "(unnamed)");
    const times = bands
      .filter((band) => band.phase === row.name)
      .map((band) => ({ from: band.start_ns, to: band.end_ns ?? end }));
    if (!times.length && isKnown(row.start_ns) && isKnown(row.duration_ns)) {
      times.push({ from: row.start_ns, to: row.start_ns + row.duration_ns });
    }
    const sections = (one.sections || []).map((section) => rowOf(section, sectionName(section)));
    return { ...row, times, sections: placed(sections, times, row) };
  });
  return { end, phases };
}

// Sections without known starts are drawn one after another, from the start of their phase.
function placed(sections, times, phase) {
  let free = times[0]?.from ?? phase.start_ns ?? 0;
  return sections.map((section) => {
    const from = section.start_ns ?? free;
    const to = from + (section.duration_ns || 0);
    free = Math.max(free, to);
    return { ...section, times: isKnown(section.duration_ns) ? [{ from, to }] : [] };
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
  const ends = isKnown(row.lo_j) ? h("small", {}, ` ${interval(row.lo_j, row.hi_j)}`) : [];
  return [
    number(seconds(row.duration_ns), row.duration_ns),
    number(percent(row.timeShare), row.timeShare, "minor"),
    h("td", { class: "n", "data-v": row.energy_j }, joules(row.energy_j), ends),
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
      ["time", "n"],
      ["share", "n minor"],
      ["energy", "n"],
      ["share", "n minor"],
      ["power", "n minor"],
    ];
    const body = h("tbody", {});
    for (const phase of phases) body.append(...this.#rows(phase, end, heads));
    const head = names.map(([name, kind], at) =>
      at
        ? h("th", { scope: "col", class: kind, "aria-hidden": at === 1 ? "true" : null }, name)
        : h("th", { scope: "col" }, "phase"),
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
      mark.textContent = isOpen ? "▾ " : "▸ ";
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
