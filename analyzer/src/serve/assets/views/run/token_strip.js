// The text of the tokens, each shaded by its energy. A click selects a token.

import { h, isKnown, joules, seconds } from "/assets/charts.js";
import { levelOf, rangeOf } from "../shades.js";
import { visible } from "./token_pages.js";

export class TokenStrip {
  constructor(select) {
    this.select = select;
    this.element = h("div", { class: "strip", role: "group", "aria-label": "Text of the tokens" });
    this.buttons = new Map();
    this.current = null;
    this.element.addEventListener("click", (event) => {
      const found = event.target.closest("button");
      if (found) this.select(Number(found.dataset.position));
    });
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  // Shows tokens with their positions and facts.
  set(tokens) {
    const energies = tokens.map(({ facts }) =>
      isKnown(facts?.j) ? facts.j / (facts.n || 1) : NaN,
    );
    const range = rangeOf(Float64Array.from(energies), true);
    this.buttons.clear();
    this.current = null;
    const made = tokens.map(({ position, facts }, at) => {
      const level = levelOf(energies[at], range);
      const words = facts ? `${facts.token ?? position}` : `${position}`;
      const button = h(
        "button",
        {
          type: "button",
          tabindex: -1,
          class: `token ${level < 0 ? "unknown" : `on${level}`}`,
          "data-position": position,
          "aria-label": `token ${words} ${facts?.text || ""}, ${joules(facts?.j)}`,
          title: `token ${words}: ${joules(facts?.j)}, ${seconds(facts?.ns)}`,
        },
        facts?.text ? visible(facts.text) : words,
      );
      this.buttons.set(position, button);
      return button;
    });
    this.element.replaceChildren(...made);
    if (made[0]) made[0].tabIndex = 0;
  }

  // Marks the selected token.
  mark(position) {
    const button = this.buttons.get(position);
    if (this.current === button) return;
    this.current?.removeAttribute("aria-pressed");
    if (this.current) this.current.tabIndex = -1;
    this.current = button || null;
    button?.setAttribute("aria-pressed", "true");
    if (button) button.tabIndex = 0;
    // In the next frame, so that a step of the slider does not wait for the layout.
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.#show());
  }

  // Scrolls the text, not the page, to the selected token.
  #show() {
    const { element, current } = this;
    if (!current) return;
    const top = current.offsetTop - element.offsetTop;
    const isSeen =
      top >= element.scrollTop &&
      top + current.offsetHeight <= element.scrollTop + element.clientHeight;
    if (!isSeen) element.scrollTop = top - element.clientHeight / 2;
  }

  #key(event) {
    const found = event.target.closest("button");
    const by = { ArrowRight: "nextSibling", ArrowLeft: "previousSibling" }[event.key];
    if (!found || !by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const next = found[by];
    if (!next) return;
    this.select(Number(next.dataset.position));
    next.focus();
  }
}
