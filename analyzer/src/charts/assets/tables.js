// Sorts tables by a click on a heading; quantities by value.

function sortTable(table, at, heading) {
  const body = table.tBodies[0];
  const down = heading.getAttribute("aria-sort") === "descending";
  const way = heading.hasAttribute("aria-sort")
    ? down
      ? 1
      : -1
    : heading.classList.contains("n")
      ? -1
      : 1;
  const value = (row) => {
    const cell = row.cells[at];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  };
  const unknown = (one) => one === UNKNOWN || one === "";
  const order = (a, b) => {
    if (unknown(a) || unknown(b)) return unknown(a) - unknown(b);
    if (typeof a === "number" && typeof b === "number") return way * (a - b);
    return way * String(a).localeCompare(String(b), "en", { numeric: true });
  };
  const rows = [...body.rows].map((row) => [value(row), row]).sort((a, b) => order(a[0], b[0]));
  body.append(...rows.map(([, row]) => row));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", way < 0 ? "descending" : "ascending");
}

function sortable(table) {
  [...table.tHead.rows[0].cells].forEach((heading, at) => {
    if (!heading.textContent || table.tBodies[0].rows.length < 2) return;
    const button = h("button", { type: "button", class: "sort" }, heading.textContent);
    heading.replaceChildren(button);
    button.addEventListener("click", () => sortTable(table, at, heading));
  });
}
