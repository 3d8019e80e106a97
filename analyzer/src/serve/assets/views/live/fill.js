// Reads from the file what no message reported: tokens, samples, phases and cells of a time in which
// the server did not run.

import { isKnown, sum } from "/assets/charts.js";
import { BLOCK, parseCells, REMAINDER } from "../run/cells.js";

// Rows of a page.
const PAGE = 10000;

const addressOf = (run) => `/run/${encodeURIComponent(run.id)}`;

// Fills a run. It fails if the server does not respond; what was entered stays.
export async function fill(api, run) {
  const tokens = await rowsOf(api, `${addressOf(run)}/tokens`, "tokens");
  enterTokens(run, tokens);
  const samples = await rowsOf(api, `${addressOf(run)}/power`, "samples");
  samples.forEach((sample) => run.enterStoredSample(sample));
  const { bands } = await api.get(`${addressOf(run)}/timeline`, { query: { steps: 1 } });
  bands.forEach((band) => enterBand(run, band));
  await enterCells(api, run, tokens);
}

async function rowsOf(api, path, name) {
  const rows = [];
  for (;;) {
    const page = await api.get(path, { query: { offset: rows.length, limit: PAGE } });
    rows.push(...page[name]);
    if (!page[name].length || rows.length >= page.total) return rows;
  }
}

// Enters ended tokens that are not known, and energies that were not.
function enterTokens(run, rows) {
  const keys = new Map([...run.tokens].map(([key, token]) => [token.start_ns, key]));
  const ended = rows.filter((row) => isKnown(row.start_ns) && isKnown(row.duration_ns));
  const isNew = ended.some((row) => !keys.has(row.start_ns));
  for (const row of ended) {
    const key = keys.get(row.start_ns) ?? storedKey(row.start_ns);
    const known = run.tokens.get(key);
    if (known && (isKnown(known.energy_j) || !isKnown(row.energy_j))) continue;
    run.tokens.set(key, { ...row, end_ns: row.start_ns + row.duration_ns, ...tokenOf(run, row, key) });
  }
  if (isNew) run.orderTokens();
  run.changed.add("tokens");
}

// The key of a token or phase that was read from the file: messages have its span, the file its start.
export const storedKey = (start_ns) => `at ${start_ns}`;

const tokenOf = (run, { basis }, span) => ({
  span,
  provenance: basis === "modelled" ? basis : run.provenance,
});

function enterBand(run, { phase, start_ns, end_ns }) {
  if (!isKnown(end_ns)) return;
  const same = (one) => one.start_ns === start_ns && one.phase === phase;
  const [span, known] = [...run.bands].find(([, one]) => same(one)) || [];
  if (known && isKnown(known.end_ns)) return;
  run.bands.set(span ?? storedKey(start_ns), { phase, start_ns, end_ns });
  const open = run.open.get(span);
  if (open) {
    run.open.delete(span);
    run.sections.set(span, { ...open, end_ns, energy_j: null });
  }
  run.changed.add("power").add("sections");
}

// Enters the cells of tokens in pauses. Components that no message named are not comparable with the
// others; if no message had cells, all of the file are entered.
async function enterCells(api, run, tokens) {
  const { matrix } = run;
  const rows = tokens.filter(
    ({ token, start_ns: start, duration_ns: time }) =>
      isKnown(time) && run.isInPause(start, start + time) && !matrix.has(token, start),
  );
  if (!rows.length) return;
  const isOnlySource = !matrix.cells.size;
  const wanted = new Map(rows.map((row) => [row.index, row]));
  const last = Math.max(...wanted.keys());
  for (let from = Math.min(...wanted.keys()); from <= last; from += BLOCK) {
    const read = async (metric) => {
      const query = { from, to: Math.min(last + 1, from + BLOCK), metric };
      return parseCells(await api.bytes(`${addressOf(run)}/cells`, { query }));
    };
    const [energies, times] = await Promise.all([read("energy"), read("time")]);
    const names = isOnlySource ? namesOfFile(energies) : namesOfMessages(matrix);
    energies.tokens.forEach((index, at) => {
      const row = wanted.get(index);
      const cells = row ? cellsOf(names, energies, times, at) : [];
      if (cells.length) matrix.enter(row.token, row.start_ns, cells);
    });
  }
  run.changed.add("matrix");
}

// Which layers and components are entered, the positions of layers, and whether layers are entered
// as a whole because their components are unknown.
const namesOfMessages = ({ layers, components }) => ({
  indexOf: (layer) => layers.get(layer),
  hasLayer: (layer) => layers.has(layer),
  hasComponent: (component) => components.includes(component),
  isWhole: components.includes("layer"),
});
const namesOfFile = ({ layers, components }) => ({
  indexOf: (layer) => layers.indexOf(layer),
  hasLayer: (layer) => layer !== REMAINDER,
  hasComponent: (component) => component !== REMAINDER,
  isWhole: components.every((component) => component === REMAINDER),
});

function cellsOf(names, energies, times, at) {
  const { components, layers, perLayer } = energies;
  const [energy, time] = [energies.token(at), times.token(at)];
  return layers.flatMap((layer, row) => {
    if (!names.hasLayer(layer)) return [];
    const index = names.indexOf(layer);
    const part = (values) => values.subarray(row * perLayer, (row + 1) * perLayer);
    if (names.isWhole) {
      const known = (values) => [...part(values)].filter(isKnown);
      if (!known(energy).length) return [];
      const values = { energy_j: sum(known(energy)), duration_ms: sum(known(time)) };
      return [{ layer, index, component: "layer", ...values }];
    }
    return components.flatMap((component, c) =>
      names.hasComponent(component) && isKnown(part(energy)[c])
        ? [{ layer, index, component, energy_j: part(energy)[c], duration_ms: part(time)[c] }]
        : [],
    );
  });
}
