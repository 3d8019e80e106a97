// Facts of tokens by position in the run: from the charts where each bar is one token, else
// from pages of `/tokens`.

import { interval, isKnown, joules, seconds, UNKNOWN } from "/assets/charts.js";
import { BLOCK } from "./cells.js";

// Shows line breaks, and texts of spaces only.
export const visible = (text) => text.replace(/\n/g, "↵").replace(/^ +$/, "␣");

// Facts of a token with the keys of bars.
const factsOf = (token) => ({
  token: token.token,
  text: token.text,
  phase: token.phase,
  start_ns: token.start_ns,
  ns: token.duration_ns,
  j: token.energy_j,
  lo: token.lo_j,
  hi: token.hi_j,
});

export class TokenPages {
  constructor(api, id) {
    Object.assign(this, { api, id, bars: null, pages: new Map() });
  }

  // Takes the series of the charts; returns the number of tokens.
  set(series) {
    this.pages.clear();
    this.bars = series && series.per_bar === 1 ? series.bars : null;
    return series ? series.tokens : 0;
  }

  // Takes the texts of all tokens, as they were generated.
  setTexts(tokens) {
    this.texts = (tokens || []).map((one) => one.text);
  }

  // Returns a token's facts, or null if they are not loaded.
  at(position) {
    const found = this.bars ? this.bars[position] : this.#paged(position);
    const text = this.texts?.[position] ?? found?.text ?? null;
    return found ? { ...found, text } : null;
  }

  #paged(position) {
    const page = this.pages.get(Math.floor(position / BLOCK));
    return Array.isArray(page) ? page[position % BLOCK] : null;
  }

  // Loads the page around a position; resolves when its tokens are known.
  async load(position) {
    const no = Math.floor(position / BLOCK);
    if (this.bars || this.pages.has(no)) return;
    this.pages.set(no, "loading");
    try {
      const id = encodeURIComponent(this.id);
      const path = `/run/${id}/tokens?offset=${no * BLOCK}&limit=${BLOCK}`;
      const answer = await this.api.get(path);
      this.pages.set(no, answer.tokens.map(factsOf));
    } catch (error) {
      this.pages.delete(no);
      throw error;
    }
  }

  // Words of one token: number, text, time, energy with its interval.
  words(position) {
    const one = this.at(position);
    if (!one) return `position ${position}`;
    const energy = isKnown(one.lo)
      ? `${joules(one.j)} (${interval(one.lo, one.hi)})`
      : joules(one.j);
    const text = one.text ? ` “${visible(one.text)}”` : "";
    return `${one.token ?? UNKNOWN}${text}, ${seconds(one.ns)}, ${energy}`;
  }

  // Tokens of the block with a position: their positions and facts.
  block(position, count) {
    const from = Math.floor(position / BLOCK) * BLOCK;
    const size = Math.min(BLOCK, count - from);
    return [...Array(Math.max(0, size)).keys()].map((at) => ({
      position: from + at,
      facts: this.at(from + at),
    }));
  }
}
