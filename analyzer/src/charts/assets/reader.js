// A line across a chart at which its values are read: with the mouse or the arrow keys.

const LARGE_STEP = 10;

class Reader {
  // `place` is {left, right, top, bottom} of the chart, `count` the number of positions from left to
  // right, `first` the position at first; `xAt(position)` and `linesAt(position)` return its place
  // and its texts, `positionAt(share)` the position at a share of the width (default: they are
  // evenly spaced).
  constructor({ place, label, count, first = 0, xAt, linesAt, positionAt }) {
    const { left, right, top, bottom } = place;
    const evenly = (share) => Math.round(share * (count - 1));
    Object.assign(this, { place, count, xAt, linesAt, at: first, isReading: false });
    this.positionAt = positionAt || evenly;
    this.cursor = line(0, top, 0, bottom, { class: "cursor", visibility: "hidden" });
    this.catcher = rect(left, top, right - left, bottom - top, {
      fill: "transparent",
      class: "mark",
      tabindex: 0,
      role: "slider",
      "aria-label": `${label}: arrow keys read the values`,
      "aria-valuemin": 0,
      "aria-valuemax": count - 1,
      "aria-valuenow": first,
    });
    this.elements = [this.cursor, this.catcher];
    this.#listen();
  }

  // Shows the values again, if they are being read: the chart has changed.
  refresh() {
    if (this.isReading) this.#show();
  }

  #show(point) {
    const { catcher, cursor, at } = this;
    const { left, right } = this.place;
    const lines = this.linesAt(at).filter(Boolean);
    const x = this.xAt(at);
    this.isReading = true;
    cursor.setAttribute("visibility", "visible");
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    catcher.setAttribute("aria-valuenow", at);
    catcher.setAttribute("aria-valuetext", lines.join("; "));
    const box = catcher.getBoundingClientRect();
    const scale = box.width / (right - left);
    showTip(catcher, lines, point || { x: box.left + (x - left) * scale, y: box.top + 30 });
  }

  #go(position) {
    this.at = Math.max(0, Math.min(this.count - 1, position));
  }

  #listen() {
    const { catcher, cursor, count } = this;
    const leave = () => {
      this.isReading = false;
      cursor.setAttribute("visibility", "hidden");
      hideTip();
    };
    catcher.addEventListener("focus", () => this.#show());
    catcher.addEventListener("blur", leave);
    catcher.addEventListener("pointerleave", leave);
    catcher.addEventListener("pointermove", (event) => {
      const box = catcher.getBoundingClientRect();
      this.#go(this.positionAt((event.clientX - box.left) / box.width));
      this.#show({ x: event.clientX, y: event.clientY });
    });
    catcher.addEventListener("keydown", (event) => {
      const by = {
        ArrowRight: 1,
        ArrowUp: 1,
        ArrowLeft: -1,
        ArrowDown: -1,
        PageUp: LARGE_STEP,
        PageDown: -LARGE_STEP,
        Home: -count,
        End: count,
      }[event.key];
      if (!by) return;
      event.preventDefault();
      this.#go(this.at + by);
      this.#show();
    });
  }
}
