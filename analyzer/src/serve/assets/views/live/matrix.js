// Energies of the layers and components of a run that is being recorded.

import { isKnown } from "/assets/charts.js";

// Components of a layer in the order of their execution; others follow as they arrive.
const COMPONENTS = ["input_norm", "attention", "post_attention_norm", "mlp"];
const rankOf = (component) => {
  const at = COMPONENTS.indexOf(component);
  return at < 0 ? COMPONENTS.length : at;
};

// Energies of layers by components: of the latest token, and sums over all tokens seen.
export class LiveMatrix {
  constructor() {
    this.layers = new Map();
    this.components = [];
    this.cells = new Map();
    this.latest = null;
    this.tokens = new Set();
  }

  cell(layer, index, component) {
    if (!this.layers.has(layer)) this.layers.set(layer, index);
    if (!this.components.includes(component)) {
      this.components.push(component);
      this.components.sort((a, b) => rankOf(a) - rankOf(b));
    }
    const key = `${layer}\n${component}`;
    let cell = this.cells.get(key);
    if (!cell) {
      cell = { layer, component, latest: null, sum_j: 0, sum_ms: 0, tokens: 0, token: null, at: null };
      this.cells.set(key, cell);
    }
    return cell;
  }

  // Layers in order.
  rows() {
    return [...this.layers].sort((a, b) => (a[1] ?? 1e9) - (b[1] ?? 1e9)).map(([layer]) => layer);
  }

  has(token, start_ns) {
    return this.tokens.has(`${token} ${start_ns}`);
  }

  // Enters all cells of one token.
  enter(token, start_ns, cells) {
    if (this.has(token, start_ns)) return;
    this.tokens.add(`${token} ${start_ns}`);
    if (!this.latest || start_ns >= this.latest.start_ns) this.latest = { token, start_ns };
    for (const { layer, index, component, ...values } of cells) {
      const cell = this.cell(layer, index, component);
      if (isKnown(values.energy_j)) {
        cell.sum_j += values.energy_j;
        cell.sum_ms += values.duration_ms || 0;
        cell.tokens += 1;
      }
      if (cell.at === null || start_ns >= cell.at) {
        cell.at = start_ns;
        cell.token = token;
        cell.latest = values;
      }
    }
  }
}
