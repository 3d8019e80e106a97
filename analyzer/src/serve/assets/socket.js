// Messages about runs that are being recorded, over one WebSocket.
//
//     connecting -> open -> waiting -> connecting ...   reconnects with growing pauses
//
// After a pause the server sends what followed the last received message (`seq`, `epoch`). If the
// server was restarted, the epoch differs: listeners are reset and read the state again. Messages
// that the server dropped for this client (`gap`) are requested over HTTP.

const LEVELS = ["power", "sections", "tokens", "layers", "components", "operations"];
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15000;
// The server sends a heartbeat every 5 s; without any message, the connection is dead.
const SILENCE_MS = 20000;
// Largest page of missed messages.
const PAGE = 1000;

export function createSocket({ api, path = "/ws/profiling" }) {
  const listeners = new Set();
  const watchers = new Set();
  let socket = null;
  let state = "connecting";
  let [epoch, seq] = [null, 0];
  let pause = SHORTEST_PAUSE_MS;
  let [timer, silence] = [null, null];
  let nextTry = null;

  function setState(to) {
    state = to;
    for (const watcher of watchers) watcher(state, nextTry);
  }

  function open() {
    clearTimeout(timer);
    nextTry = null;
    setState("connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const from = epoch === null ? "" : `?seq=${seq}&epoch=${encodeURIComponent(epoch)}`;
    socket = new WebSocket(`${scheme}//${location.host}${path}${from}`);
    const own = socket;
    own.addEventListener("open", () => listen());
    own.addEventListener("message", (event) => {
      if (own !== socket) return;
      hear();
      let message;
      try {
        message = JSON.parse(event.data);
      } catch {
        return;
      }
      receive(message);
    });
    own.addEventListener("close", () => {
      if (own === socket) retry();
    });
    hear();
  }

  function hear() {
    clearTimeout(silence);
    silence = setTimeout(() => {
      if (socket) socket.close();
      retry();
    }, SILENCE_MS);
  }

  function retry() {
    clearTimeout(silence);
    clearTimeout(timer);
    const own = socket;
    socket = null;
    if (own) own.close();
    const wait = pause * (0.75 + Math.random() / 2);
    pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
    nextTry = Date.now() + wait;
    setState("waiting");
    timer = setTimeout(open, wait);
  }

  function receive(message) {
    if (message.type === "hello") {
      const data = message.data || {};
      const isRestarted = epoch !== null && data.epoch !== epoch;
      if (epoch === null || isRestarted) seq = data.seq || 0;
      epoch = data.epoch;
      pause = SHORTEST_PAUSE_MS;
      setState("open");
      if (isRestarted) for (const one of listeners) one.reset();
      return;
    }
    if (message.type === "heartbeat" || message.type === "pong") return;
    if (message.type === "gap") {
      fillGap(message.data);
      return;
    }
    if (typeof message.seq === "number") {
      if (message.seq <= seq && message.type !== "run_started") return;
      seq = Math.max(seq, message.seq);
    }
    deliver(message);
  }

  function deliver(message) {
    for (const one of listeners) one.message(message);
  }

  // Requests messages that the server skipped for this client. What it no longer has is lost.
  async function fillGap({ from, to, count }) {
    seq = Math.max(seq, to);
    let lost = count;
    try {
      for (let next = from; next <= to; ) {
        const page = await api.get("/run/*/events", {
          query: { from: next, limit: PAGE, epoch, detail: detailOfAll() },
        });
        const events = page.events.filter((one) => one.seq <= to);
        events.forEach(deliver);
        if (page.next <= next) break;
        next = page.next;
      }
      lost = 0;
    } catch {
      // Listeners show how many are lost.
    }
    for (const one of listeners) one.gap(lost);
  }

  const detailOfAll = () =>
    LEVELS[Math.max(0, ...[...listeners].map((one) => LEVELS.indexOf(one.detail)))];

  // Requests what all listeners need: all their runs, at the highest detail.
  function listen() {
    if (!socket || socket.readyState !== WebSocket.OPEN) return;
    if (!listeners.size) {
      socket.send(JSON.stringify({ type: "unsubscribe" }));
      return;
    }
    const runs = [...new Set([...listeners].flatMap((one) => one.runs))];
    socket.send(JSON.stringify({ type: "subscribe", runs, detail: detailOfAll() }));
  }

  return {
    start: open,
    get state() {
      return state;
    },
    // Calls `watcher(state, nextTry)` now and at each change; returns a function that ends it.
    watch(watcher) {
      watchers.add(watcher);
      watcher(state, nextTry);
      return () => watchers.delete(watcher);
    },
    tryNow() {
      if (state === "waiting") open();
    },
    // Listens to messages of `runs` (uuids, `*`, `latest`). `reset` is called when the server was
    // restarted, `gap(lost)` after skipped messages were requested again. Returns a function that
    // ends it.
    subscribe({ runs = ["*"], detail = "components", message, reset, gap }) {
      const nothing = () => {};
      const one = {
        runs,
        detail,
        message: message || nothing,
        reset: reset || nothing,
        gap: gap || nothing,
      };
      listeners.add(one);
      listen();
      return () => {
        listeners.delete(one);
        listen();
      };
    },
  };
}
