// Generated text, each token shaded by its energy.

import { h, interval, isKnown, joules, s, rect, seconds, SHADES } from "/assets/charts.js";
import { element, table } from "../../dom.js";
import { liveMarks, offerFirst } from "./marks.js";
import { words } from "./power.js";

// Most tokens of the stream, and rows of the table.
const SHOWN = 1500;
const ROWS = 300;

export const tokenText = (token) =>
  token.text === null || token.text === undefined || token.text === ""
    ? `[${token.token ?? "–"}]`
    : token.text;

const lines = (token) => [
  `token ${token.token ?? "–"}${token.text ? ` “${token.text}”` : ""}`,
  joules(token.energy_j),
  interval(token.lo_j, token.hi_j),
  seconds(isKnown(token.duration_ms) ? token.duration_ms * 1e6 : null),
  token.phase || "",
  isKnown(token.coverage) && token.coverage < 0.9995
    ? `${(token.coverage * 100).toFixed(0)} % of its time measured`
    : "",
  token.provenance === "modelled" ? words("modelled") : "",
];

// Energy with the darkest shade: one in twenty tokens may exceed it.
function scaleOf(tokens) {
  const known = tokens.map((token) => token.energy_j).filter(isKnown);
  if (!known.length) return null;
  known.sort((a, b) => a - b);
  return known[Math.min(known.length - 1, Math.floor(known.length * 0.95))];
}

// Creates the stream in a frame. `show(run)` draws the run.
export function tokenStream(frame) {
  let [run, made, top] = [null, new Map(), null];
  const stream = h("div", { class: "stream", role: "group", "aria-label": "Generated tokens" });
  const scale = h("div", { class: "ramp" });
  const cut = h("p", { class: "note", hidden: "" });
  const tokenOf = (mark) => run.tokens.get(mark.dataset.span);
  liveMarks(stream, (mark) => lines(tokenOf(mark)));

  function shade(mark, token) {
    const level =
      isKnown(token.energy_j) && top
        ? Math.max(0, Math.min(SHADES - 1, Math.floor((token.energy_j / top) * (SHADES - 1e-3))))
        : "unknown";
    const name = `token mark heat-${level}`;
    if (mark.className !== name) mark.className = name;
  }

  function add(token) {
    const mark = h(
      "span",
      { class: "token mark", role: "img", tabindex: -1, "data-span": token.span },
      tokenText(token),
    );
    made.set(String(token.span), mark);
    stream.append(mark);
    return mark;
  }

  function refresh() {
    const all = run.tokenList();
    const tokens = all.slice(-SHOWN);
    const isAtEnd = stream.scrollTop + stream.clientHeight > stream.scrollHeight - 40;
    const before = top;
    top = scaleOf(tokens);
    // A new scale changes all tokens, a new token only itself.
    const isRescaled = !before || !top || Math.abs(before - top) / top > 0.02;
    if (!isRescaled) top = before;
    for (const token of tokens) {
      const mark = made.get(String(token.span)) || add(token);
      if (mark.dataset.j !== String(token.energy_j)) {
        mark.dataset.j = String(token.energy_j);
        mark.setAttribute("aria-label", lines(token).filter(Boolean).join("; "));
        shade(mark, token);
      } else if (isRescaled) shade(mark, token);
    }
    while (stream.childElementCount > SHOWN) {
      made.delete(stream.firstElementChild.dataset.span);
      stream.firstElementChild.remove();
    }
    cut.hidden = all.length <= SHOWN;
    cut.textContent = `The first ${all.length - SHOWN} tokens are not shown here; the Run view has all.`;
    offerFirst(stream);
    if (isAtEnd) stream.scrollTop = stream.scrollHeight;
    scale.replaceChildren(
      "0 J ",
      ...[...Array(SHADES).keys()].map((level) =>
        s(
          "svg",
          { width: 22, height: 12, "aria-hidden": "true" },
          rect(0, 0, 22, 12, { class: `swatch shade${level}` }),
        ),
      ),
      ` ${joules(top)} and more`,
    );
  }

  const paint = () => {
    refresh();
    return stream.isConnected ? null : [cut, stream, scale];
  };
  return {
    show(shownRun) {
      if (run !== shownRun) {
        [run, made, top] = [shownRun, new Map(), null];
        stream.replaceChildren();
      }
      frame.draw(paint);
    },
  };
}

// The newest tokens as a table.
export function tokenTable(run) {
  const tokens = run.tokenList().slice(-ROWS).reverse();
  return element(
    "div",
    { class: "wide tall", tabindex: 0, role: "region", "aria-label": "Tokens as a table" },
    table(
      `${tokens.length} newest of ${run.tokens.size} tokens`,
      [
        { title: "Token", numeric: true },
        { title: "Text" },
        { title: "Phase" },
        { title: "Time", numeric: true },
        { title: "Energy", numeric: true, name: "energy_j" },
        { title: "90 % interval", numeric: true },
      ],
      tokens.map((token) => [
        { text: String(token.token ?? "–"), value: token.token },
        JSON.stringify(token.text ?? ""),
        token.phase || "",
        { text: seconds(token.duration_ms * 1e6), value: token.duration_ms },
        { text: joules(token.energy_j), value: token.energy_j },
        interval(token.lo_j, token.hi_j).replace("90 %: ", ""),
      ]),
    ),
  );
}
