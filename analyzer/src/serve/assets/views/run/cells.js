// Cells of tokens, layers and components: blocks of consecutive tokens, read when needed.

import { knownSum } from "/assets/charts.js";
import { rangeOf } from "../shades.js";

const NEWLINE = 10;
// Name of the layer and of the component of work outside of them.
export const REMAINDER = "(remainder)";
// Number of tokens in a block.
export const BLOCK = 512;

// Reads the answer of `/cells`: a line of JSON, then numbers by token, layer and component.
export function parseCells(buffer) {
  const bytes = new Uint8Array(buffer);
  const end = bytes.indexOf(NEWLINE);
  if (end < 0) throw new Error("the cells have no first line");
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  const count = head.tokens.length * head.layers.length * head.components.length;
  const offset = end + 1;
  if (offset % 4 || buffer.byteLength - offset < count * 4) {
    throw new Error(
      `the cells are incomplete: ${buffer.byteLength - offset} of ${count * 4} bytes`,
    );
  }
  return new CellBlock(head, new Float32Array(buffer, offset, count));
}

class CellBlock {
  constructor(head, values) {
    Object.assign(this, head, { values });
    this.perLayer = head.components.length;
    this.perToken = head.layers.length * head.components.length;
    // Work outside of layers is not comparable with a layer: it has no shade.
    const last = head.layers.length - 1;
    this.restFrom = head.layers[last] === REMAINDER ? last * this.perLayer : this.perToken;
  }

  // The number of the token at a position of this block, as it was recorded.
  number(at) {
    return this.numbers?.[at] ?? this.tokens[at];
  }

  // The sum of the components of a token: what is known of it, and the number of its cells that
  // were recorded without a known value.
  whole(at, parts = this.byComponent(at)) {
    return { ...knownSum([...parts].filter((one) => !Number.isNaN(one))), ...this.#unknownOf(at) };
  }

  #unknownOf(at) {
    const unknown = this.unknown?.[at] || 0;
    return unknown ? { unknown, whole: null } : {};
  }

  // Cells of layers only.
  get #ofLayers() {
    if (this.restFrom === this.perToken) return this.values;
    return this.values.filter((_, at) => at % this.perToken < this.restFrom);
  }

  // Returns the cells of the token at a position of this block.
  token(at) {
    return this.values.subarray(at * this.perToken, (at + 1) * this.perToken);
  }

  get hasValues() {
    return this.values.some((value) => !Number.isNaN(value));
  }

  // The range of most values of layers. Ranges of sums begin at zero.
  range(isFromZero) {
    this.ranges ??= new Map();
    if (!this.ranges.has(isFromZero)) {
      this.ranges.set(isFromZero, rangeOf(this.#ofLayers, isFromZero));
    }
    return this.ranges.get(isFromZero);
  }

  // Sums over components, or means of what does not sum: [token][layer].
  byLayer(isSum) {
    this.layerSums ??= new Map();
    if (!this.layerSums.has(isSum)) {
      this.layerSums.set(isSum, reduce(this.values, this.perLayer, isSum));
    }
    return this.layerSums.get(isSum);
  }

  // The range of those sums or means, without what is outside of layers.
  layerRange(isSum, isFromZero) {
    const layers = this.layers.length;
    const rest = this.restFrom / this.perLayer;
    const rows = this.byLayer(isSum);
    return rangeOf(rest === layers ? rows : rows.filter((_, at) => at % layers < rest), isFromZero);
  }

  // Sums over layers of one token, by component.
  byComponent(at) {
    const cells = this.token(at);
    const sums = new Float64Array(this.components.length).fill(NaN);
    for (let cell = 0; cell < cells.length; cell += 1) {
      const value = cells[cell];
      const c = cell % this.perLayer;
      if (!Number.isNaN(value)) sums[c] = (Number.isNaN(sums[c]) ? 0 : sums[c]) + value;
    }
    return sums;
  }

  // Sums or means over all tokens of the block: [layer][component].
  allTokens(isSum) {
    const sums = new Float64Array(this.perToken);
    const counts = new Uint32Array(this.perToken);
    for (let at = 0; at < this.values.length; at += 1) {
      const value = this.values[at];
      if (Number.isNaN(value)) continue;
      sums[at % this.perToken] += value;
      counts[at % this.perToken] += 1;
    }
    return sums.map((total, at) => (counts[at] ? total / (isSum ? 1 : counts[at]) : NaN));
  }
}

function reduce(values, size, isSum) {
  const rows = new Float32Array(values.length / size);
  for (let row = 0; row < rows.length; row += 1) {
    let [total, known] = [0, 0];
    for (let at = row * size; at < (row + 1) * size; at += 1) {
      if (Number.isNaN(values[at])) continue;
      total += values[at];
      known += 1;
    }
    rows[row] = known ? total / (isSum ? 1 : known) : NaN;
  }
  return rows;
}

// Blocks of one run by metric and position; each is requested once.
export class CellStore {
  constructor(api, id) {
    Object.assign(this, { api, id, blocks: new Map() });
  }

  clear() {
    this.blocks.clear();
  }

  // Returns the block with the token at a position of the run, and that block's first position.
  block(metric, position) {
    const from = Math.floor(position / BLOCK) * BLOCK;
    const key = `${metric} ${from}`;
    if (!this.blocks.has(key)) {
      const id = encodeURIComponent(this.id);
      const query = `from=${from}&to=${from + BLOCK}&metric=${metric}`;
      const answer = this.api
        .bytes(`/run/${id}/cells?${query}`)
        .then((buffer) => Object.assign(parseCells(buffer), { from }));
      // A failed request is made again when the block is needed again.
      answer.catch(() => this.blocks.delete(key));
      this.blocks.set(key, answer);
      if (this.blocks.size > 12) this.blocks.delete(this.blocks.keys().next().value);
    }
    return this.blocks.get(key);
  }
}
