// Selects a token: a slider, buttons, and play. Listeners are called in the same task as the
// slider's event, so that charts follow without delay.

import { h } from "/assets/charts.js";
import { control } from "../../dom.js";

const PERIOD_MS = 120;

export class TokenPlayer {
  // `describe(position)` returns the words for a token.
  constructor({ describe }) {
    Object.assign(this, { describe, listeners: [], count: 0, position: 0, timer: null });
    this.slider = h("input", {
      type: "range",
      min: 0,
      max: 0,
      value: 0,
      id: "token-slider",
      class: "token-slider",
    });
    this.back = control("‹", "Previous token", () => this.select(this.position - 1));
    this.play = control("Play", "Play tokens", () => (this.timer ? this.stop() : this.start()));
    this.on = control("›", "Next token", () => this.select(this.position + 1));
    this.out = h("output", { class: "token-words", for: "token-slider" });
    this.slider.addEventListener("input", () => this.select(Number(this.slider.value)));
    this.element = h(
      "div",
      { class: "player", role: "group", "aria-label": "Token" },
      h("label", { for: "token-slider", class: "name" }, "Token"),
      this.back,
      this.play,
      this.on,
      this.slider,
      this.out,
    );
  }

  // Sets the number of tokens of the run, and the one that is selected at first.
  set(count, first = 0) {
    if (!this.count) this.position = first;
    this.count = count;
    this.slider.max = Math.max(0, count - 1);
    this.slider.disabled = count < 2;
    for (const one of [this.back, this.play, this.on]) one.disabled = count < 2;
    this.#show();
  }

  onSelect(listener) {
    this.listeners.push(listener);
  }

  select(position) {
    const next = Math.max(0, Math.min(this.count - 1, position));
    if (!this.count || next === this.position) return;
    this.position = next;
    this.#show();
    for (const listener of this.listeners) listener(next);
  }

  #show() {
    const { position } = this;
    if (Number(this.slider.value) !== position) this.slider.value = position;
    const words = this.describe(position);
    this.slider.setAttribute("aria-valuetext", words);
    this.out.textContent = words;
  }

  // Shows the words again after more is known of a token.
  describeAgain() {
    this.#show();
  }

  start() {
    if (this.count < 2) return;
    if (this.position >= this.count - 1) this.select(0);
    this.play.textContent = "Pause";
    this.play.setAttribute("aria-label", "Pause");
    // Screen readers would read each token aloud.
    this.out.setAttribute("aria-live", "off");
    this.timer = setInterval(() => {
      if (this.position >= this.count - 1) this.stop();
      else this.select(this.position + 1);
    }, PERIOD_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = "Play";
    this.play.setAttribute("aria-label", "Play tokens");
    this.out.removeAttribute("aria-live");
  }
}
