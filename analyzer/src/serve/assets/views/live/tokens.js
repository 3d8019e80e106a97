// Generated text, each token shaded by its energy.

import {
  bounds,
  h,
  interval,
  isKnown,
  joules,
  marks,
  milliseconds,
  offerFirst,
  provenanceWords,
  UNKNOWN,
  WORDS,
} from "/assets/charts.js";
import { count, scrolling, setText, table } from "../../dom.js";
import { growingRangeOf, levelOf, rampOf } from "../shades.js";

// Most tokens of the stream, and rows of the table.
const SHOWN = 1500;
const ROWS = 300;

const tokenText = (token) =>
  token.text === null || token.text === undefined || token.text === ""
    ? `[${token.token ?? UNKNOWN}]`
    : token.text;

const lines = (token) => [
  `token ${token.token ?? UNKNOWN}${token.text ? ` “${token.text}”` : ""}`,
  joules(token.energy_j),
  interval(token.lo_j, token.hi_j),
  milliseconds(token.duration_ms),
  token.phase || "",
  isKnown(token.coverage) && token.coverage < 0.9995
    ? `${(token.coverage * 100).toFixed(0)} % of its time measured`
    : "",
  isKnown(token.energy_j) && token.provenance !== "measured"
    ? provenanceWords(token.provenance)
    : "",
];

// The stream in a frame.
export class TokenStream {
  constructor(frame) {
    this.frame = frame;
    this.run = null;
    this.stream = h("div", { class: "stream", role: "group", "aria-label": "Generated tokens" });
    this.ramp = h("div", { class: "ramp" });
    this.cut = h("p", { class: "note" });
    marks(this.stream, null, {
      lines: (mark) => lines(this.run.tokens.get(mark.dataset.span)),
    });
  }

  // Draws the tokens of a run.
  show(run) {
    if (this.run !== run || this.order !== run.order) {
      Object.assign(this, { run, order: run.order });
      this.made = new Map();
      this.range = null;
      this.stream.replaceChildren();
    }
    this.frame.draw(() => {
      this.#refresh();
      return this.stream.isConnected ? null : [this.cut, this.stream, this.ramp];
    });
  }

  #add(token) {
    const style = { class: "token mark", role: "img", tabindex: -1, "data-span": token.span };
    const mark = h("span", style, tokenText(token));
    this.made.set(String(token.span), mark);
    this.stream.append(mark);
    return mark;
  }

  #refresh() {
    const { stream, made } = this;
    const all = this.run.tokenList();
    const tokens = all.slice(-SHOWN);
    const isAtEnd = stream.scrollTop + stream.clientHeight > stream.scrollHeight - 40;
    const range = growingRangeOf(tokens.map((token) => token.energy_j));
    // A new scale changes all tokens, a new token only itself.
    const isRescaled = !this.range || Math.abs(this.range.hi - range.hi) / range.hi > 0.02;
    if (isRescaled) this.range = range;
    let before = all[all.length - tokens.length - 1];
    for (const token of tokens) {
      const mark = made.get(String(token.span)) || this.#add(token);
      const isChanged = mark.dataset.j !== String(token.energy_j);
      if (isChanged) {
        mark.dataset.j = String(token.energy_j);
        mark.setAttribute("aria-label", lines(token).filter(Boolean).join("; "));
      }
      if (isChanged || isRescaled) this.#shade(mark, token);
      showHole(mark, this.run.missingBefore(token, before));
      before = token;
    }
    while (made.size > SHOWN) {
      made.delete(stream.firstElementChild.dataset.span);
      stream.firstElementChild.remove();
    }
    this.cut.hidden = all.length <= SHOWN;
    this.cut.textContent = `The first ${all.length - SHOWN} tokens are not shown here; the Run view has all.`;
    offerFirst(stream);
    if (isAtEnd) stream.scrollTop = stream.scrollHeight;
    this.ramp.replaceChildren(...rampOf(this.range, joules));
  }

  #shade(mark, token) {
    const level = levelOf(token.energy_j, this.range);
    const name = `token mark ${level < 0 ? "unknown" : `on${level}`}`;
    if (mark.className !== name) mark.className = name;
  }
}

// Marks that tokens are missing before a token.
function showHole(mark, missing) {
  const previous = mark.previousElementSibling;
  const hole = previous?.classList.contains("hole") ? previous : null;
  if (!missing) {
    hole?.remove();
    return;
  }
  const words = ` [${missing === 1 ? "1 token" : `${missing} tokens`} not received] `;
  if (hole) setText(hole, words);
  else mark.before(h("span", { class: "hole" }, words));
}

const COLUMNS = [
  [WORDS.token, (token) => token.token, count],
  [WORDS.text, (token) => JSON.stringify(token.text ?? "")],
  [WORDS.phase, (token) => token.phase || ""],
  [WORDS.time, (token) => token.duration_ms, milliseconds],
  [WORDS.energy, (token) => token.energy_j, joules, "energy_j"],
  [WORDS.interval, (token) => bounds(token.lo_j, token.hi_j)],
];

// The newest tokens as a table.
export function tokenTable(run) {
  const tokens = run.tokenList().slice(-ROWS).reverse();
  const caption = `${tokens.length} newest of ${run.tokens.size} tokens`;
  return scrolling("Tokens as a table", table(caption, COLUMNS, tokens), "wide tall");
}
