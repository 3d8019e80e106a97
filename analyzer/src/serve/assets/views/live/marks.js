// Marks of a chart that changes while it is read: like those of the report, with the list of
// marks taken from the page at each key, because marks are added and replaced.

import { hideTip, showTip } from "/assets/charts.js";

// Makes the `.mark` elements in `root` readable by mouse and keyboard. `lines(element)` returns the
// texts of a mark; `go(at, key)` the index that an arrow key leads to (default: the neighbour).
export function liveMarks(root, lines, go) {
  const all = () => [...root.querySelectorAll(".mark")];
  const own = (event) => event.target.closest && event.target.closest(".mark");
  const inRow = (at, key) => at + (key === "ArrowRight" || key === "ArrowDown" ? 1 : -1);
  const show = (event, point) => {
    const mark = own(event);
    if (mark) showTip(mark, lines(mark), point);
    else hideTip();
  };
  root.addEventListener("keydown", (event) => {
    const mark = own(event);
    if (!mark || event.ctrlKey || event.metaKey || event.altKey) return;
    const list = all();
    const at = list.indexOf(mark);
    let next;
    if (event.key.startsWith("Arrow")) next = (go || inRow)(at, event.key);
    else if (event.key === "Home") next = 0;
    else if (event.key === "End") next = list.length - 1;
    else return;
    event.preventDefault();
    if (next === undefined || !list[next]) return;
    mark.setAttribute("tabindex", "-1");
    list[next].setAttribute("tabindex", "0");
    list[next].focus();
  });
  root.addEventListener("focusin", (event) => show(event));
  root.addEventListener("focusout", hideTip);
  const toPointer = (event) => show(event, { x: event.clientX, y: event.clientY });
  root.addEventListener("pointermove", toPointer);
  root.addEventListener("click", toPointer);
  root.addEventListener("pointerleave", hideTip);
}

// Lets the Tab key reach one mark of `root`.
export function offerFirst(root) {
  if (root.querySelector('.mark[tabindex="0"]')) return;
  const first = root.querySelector(".mark");
  if (first) first.setAttribute("tabindex", "0");
}
