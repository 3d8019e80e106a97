// Marks that can be read by mouse, touch or keyboard: a tooltip next to the mark, and one tab
// stop per chart, within which arrow keys move.

// Charts by name: each returns elements for a run and a width.
const charts = {};

const tip = document.getElementById("tip");

function hideTip() {
  tip.hidden = true;
}

function showTip(mark, lines, point) {
  tip.replaceChildren(...lines.filter(Boolean).map((one, at) => h(at ? "div" : "strong", {}, one)));
  tip.hidden = false;
  const box = mark.getBoundingClientRect();
  const width = document.documentElement.clientWidth;
  const x = point ? point.x : box.left + Math.min(box.width / 2, 200);
  const y = point ? point.y : box.top;
  const left = Math.max(4, Math.min(x + 12, width - tip.offsetWidth - 8));
  const above = y - tip.offsetHeight - 12;
  tip.style.left = `${left + window.scrollX}px`;
  tip.style.top = `${(above > 4 ? above : y + 18) + window.scrollY}px`;
}

// Sets a mark's data as attributes, and its text for screen readers and the tooltip.
const tooltipLines = new WeakMap();
function mark(element, lines, data = {}) {
  for (const [name, value] of Object.entries(data)) {
    if (value !== null && value !== undefined) element.setAttribute(`data-${name}`, value);
  }
  element.setAttribute("role", "img");
  element.setAttribute("tabindex", "-1");
  element.setAttribute("aria-label", lines.filter(Boolean).join("; "));
  element.classList.add("mark");
  tooltipLines.set(element, lines);
  return element;
}

// Makes the marks of a chart navigable: those of `list`, in their order, or if it is null, those
// that `root` has at that moment. `go(at, key)` returns the index that an arrow key moves to;
// by default marks are in a row. `act(at, key)` handles Enter, Escape and clicks. `lines(mark)`
// returns the texts of a mark that has none of its own.
function marks(root, list, { go, act, lines } = {}) {
  const number = list && new Map(list.map((one, at) => [one, at]));
  const all = () => list || [...root.querySelectorAll(".mark")];
  const own = (event) => {
    const found = event.target.closest && event.target.closest(".mark");
    return found && (!number || number.has(found)) ? found : null;
  };
  const indexOf = (found) => (number ? number.get(found) : all().indexOf(found));
  if (list && list.length) list[0].setAttribute("tabindex", "0");
  const focus = (to) => {
    for (const one of root.querySelectorAll('.mark[tabindex="0"]')) {
      one.setAttribute("tabindex", "-1");
    }
    to.setAttribute("tabindex", "0");
    to.focus();
  };
  const inRow = (at, key) =>
    at + ({ ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key] || 0);
  root.addEventListener("keydown", (event) => {
    const found = own(event);
    if (!found || event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    const at = indexOf(found);
    let next;
    if (key.startsWith("Arrow")) next = (go || inRow)(at, key);
    else if (key === "Home") next = 0;
    else if (key === "End") next = all().length - 1;
    else if (act && (key === "Enter" || key === " " || key === "Escape")) {
      event.preventDefault();
      act(at, key);
      return;
    } else return;
    event.preventDefault();
    if (next !== undefined && all()[next]) focus(all()[next]);
  });
  const show = (event, point) => {
    const found = own(event);
    if (found) showTip(found, tooltipLines.get(found) || lines(found), point);
    else hideTip();
  };
  const toPointer = (event) => show(event, { x: event.clientX, y: event.clientY });
  root.addEventListener("focusin", (event) => show(event));
  root.addEventListener("focusout", hideTip);
  root.addEventListener("pointermove", toPointer);
  root.addEventListener("pointerleave", hideTip);
  root.addEventListener("click", (event) => {
    const found = own(event);
    if (found && act) act(indexOf(found), "Enter");
    else if (found) toPointer(event);
  });
}

// Lets the Tab key reach one mark of `root`.
function offerFirst(root) {
  if (root.querySelector('.mark[tabindex="0"]')) return;
  root.querySelector(".mark")?.setAttribute("tabindex", "0");
}

window.addEventListener("scroll", hideTip, { passive: true });
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hideTip();
});
