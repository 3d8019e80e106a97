// The shell: shows the view of the address, the state of the connection, theme and messages.

import { themeButton } from "/assets/charts.js";
import { ApiError, createApi } from "./api.js";
import { element, field, replace, setText } from "./dom.js";
import { failure } from "./frame.js";
import { createSocket } from "./socket.js";

const VIEWS = [
  { name: "live", title: "Live", address: /^#\/live(?:\?|$)/ },
  { name: "run", title: "Run", address: /^#\/run\/([^/?]+)/ },
  { name: "history", title: "History", address: /^#\/history(?:\?|$)/ },
  { name: "compare", title: "Compare", address: /^#\/compare(?:\?|$)/ },
  { name: "experiments", title: "Experiments", address: /^#\/experiments(?:\?|$)/ },
];
const THEME = "energy-theme";

const by = (id) => document.getElementById(id);
const main = by("main");
const api = createApi({ onUnauthorized: requireToken });
const socket = createSocket({ api });
const context = { api, socket, navigate, announce, setRun };

let current = null;
let isLocked = false;

// Goes to an address of the page: `#/run/ID`.
function navigate(hash) {
  if (location.hash === hash) show();
  else location.hash = hash;
}

// Announces a text to screen readers.
function announce(text) {
  by("announcements").textContent = text;
}

// The run that the link to the Run view opens.
function setRun(id) {
  by("views").querySelector("[data-view=run]").href = `#/run/${encodeURIComponent(id)}`;
}

function parse(hash) {
  for (const view of VIEWS) {
    const found = view.address.exec(hash);
    if (!found) continue;
    const at = hash.indexOf("?");
    const query = new URLSearchParams(at < 0 ? "" : hash.slice(at + 1));
    let id = null;
    try {
      id = found[1] === undefined ? null : decodeURIComponent(found[1]);
    } catch {
      id = found[1];
    }
    return { view, params: { id, query } };
  }
  return null;
}

async function show() {
  if (isLocked) return;
  const found = parse(location.hash);
  if (!found) {
    location.replace("#/live");
    return;
  }
  const { view, params } = found;
  // A view that can follow its own parameters stays.
  if (current && current.name === view.name && current.id === params.id && current.mounted) {
    if (current.mounted.update) {
      current.mounted.update(params);
      return;
    }
  }
  const isFirst = !current;
  if (current && current.mounted) current.mounted.unmount();
  const own = { name: view.name, id: params.id, mounted: null };
  current = own;
  markLink(view.name);
  document.title = `${view.title} - energy`;
  const root = element("div", { class: `view ${view.name}`, "data-view": view.name });
  replace(main, root);
  window.scrollTo(0, 0);
  try {
    const { mount } = await import(`./views/${view.name}.js`);
    if (current !== own) return;
    own.mounted = mount(root, params, context) || { unmount() {} };
  } catch (error) {
    if (current !== own) return;
    console.error(error);
    replace(root, element("h1", {}, view.title), failure(error, show));
  }
  if (!isFirst) main.focus({ preventScroll: true });
}

function markLink(name) {
  for (const link of by("views").querySelectorAll("a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// The server requires a token: it sets a cookie when the page is opened with it.
function requireToken(error) {
  if (isLocked) return;
  isLocked = true;
  if (current && current.mounted) current.mounted.unmount();
  const input = element("input", { type: "password", autocomplete: "off", required: true });
  const form = element(
    "form",
    {
      class: "narrow",
      onsubmit: (event) => {
        event.preventDefault();
        location.assign(`/?token=${encodeURIComponent(input.value.trim())}${location.hash}`);
      },
    },
    element("h1", {}, "This server requires a token"),
    element("p", { class: "how" }, error.remedy || "It is the one given to `energy serve`."),
    field("Token", input),
    element("button", { type: "submit" }, "Open"),
  );
  replace(main, form);
  input.focus();
}

// Shows whether messages arrive.
const connection = by("connection");
let wasOpen = false;
let before = null;
socket.watch((state, nextTry) => {
  const isNew = state === "open" && before !== "silent";
  before = state;
  connection.dataset.state = state;
  const wait = nextTry ? Math.max(1, Math.round((nextTry - Date.now()) / 1000)) : 0;
  setText(
    connection,
    state === "open"
      ? "connected"
      : state === "waiting"
        ? `disconnected, next try in ${wait} s`
        : state === "silent"
          ? "the server is silent"
          : "connecting",
  );
  if (isNew) {
    if (wasOpen) announce("Connected again");
    wasOpen = true;
    about();
  }
});

// Which server and file this is.
async function about() {
  try {
    const status = await api.get("/status");
    setText(
      by("about"),
      `energy ${status.version}, ${status.database}. Energies are in joules; m and u stand for ` +
        "thousandth and millionth. Intervals contain the true value in 90 % of cases.",
    );
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

// The chosen theme; browsers may refuse to keep it.
function keptTheme(value) {
  try {
    if (value) localStorage.setItem(THEME, value);
    return localStorage.getItem(THEME);
  } catch {
    return null;
  }
}
themeButton(by("theme"), { chosen: keptTheme(), changed: keptTheme });

by("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", show);
window.addEventListener("online", () => socket.tryNow());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) socket.tryNow();
});
socket.start();
show();
