// Messages about runs that are being recorded, over one WebSocket.
//
//     connecting -> open -> waiting -> connecting ...   reconnects with growing pauses
//     open -> silent -> open                            no message, not even a heartbeat, for a while
//
// After a pause the server sends what followed the last received message (`seq`, `epoch`). If the
// server was restarted, the epoch differs: listeners are reset and read the state again. Messages
// that the server skipped for this client (`gap`) are requested over HTTP.

const LEVELS = ["power", "sections", "tokens", "layers", "components", "operations"];
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15000;
// The server sends a heartbeat every 5 s. Without any message for some time the connection is
// silent, and later it is dead.
const SILENT_MS = 7000;
const DEAD_MS = 14000;
// Largest page of missed messages.
const PAGE = 1000;

const nothing = () => {};

export const createSocket = (options) => new LiveSocket(options);

class LiveSocket {
  constructor({ api, path = "/ws/profiling" }) {
    Object.assign(this, { api, path });
    this.listeners = new Set();
    this.watchers = new Set();
    this.socket = null;
    this.state = "connecting";
    this.nextTry = null;
    this.epoch = null;
    this.seq = 0;
    this.pause = SHORTEST_PAUSE_MS;
  }

  start() {
    this.#open();
  }

  tryNow() {
    if (this.state === "silent") this.#retry();
    if (this.state === "waiting") this.#open();
  }

  // Calls `watcher(state, nextTry)` now and at each change; returns a function that ends it.
  watch(watcher) {
    this.watchers.add(watcher);
    watcher(this.state, this.nextTry);
    return () => this.watchers.delete(watcher);
  }

  // Listens to messages of `runs` (uuids, `*`, `latest`). `reset` is called when the server was
  // restarted, `gap(lost)` after skipped messages were requested again. Returns a function that
  // ends it.
  subscribe({ runs = ["*"], detail = "components", message, reset, gap }) {
    const one = {
      runs,
      detail,
      message: message || nothing,
      reset: reset || nothing,
      gap: gap || nothing,
    };
    this.listeners.add(one);
    this.#listen();
    return () => {
      this.listeners.delete(one);
      this.#listen();
    };
  }

  #setState(to) {
    this.state = to;
    for (const watcher of this.watchers) watcher(to, this.nextTry);
  }

  #open() {
    clearTimeout(this.timer);
    this.nextTry = null;
    this.#setState("connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const { epoch, seq } = this;
    const from = epoch === null ? "" : `?seq=${seq}&epoch=${encodeURIComponent(epoch)}`;
    const own = new WebSocket(`${scheme}//${location.host}${this.path}${from}`);
    this.socket = own;
    own.addEventListener("open", () => this.#listen());
    own.addEventListener("message", (event) => {
      if (own === this.socket) this.#hear(event.data);
    });
    own.addEventListener("close", () => {
      if (own === this.socket) this.#retry();
    });
    this.#expect();
  }

  // Ends the connection if no message arrives in time.
  #expect() {
    this.#stopWaiting();
    this.silence = setTimeout(() => {
      if (this.state === "open") this.#setState("silent");
    }, SILENT_MS);
    this.death = setTimeout(() => this.#retry(), DEAD_MS);
  }

  #stopWaiting() {
    clearTimeout(this.silence);
    clearTimeout(this.death);
  }

  #retry() {
    this.#stopWaiting();
    clearTimeout(this.timer);
    const own = this.socket;
    this.socket = null;
    if (own) own.close();
    const wait = this.pause * (0.75 + Math.random() / 2);
    this.pause = Math.min(LONGEST_PAUSE_MS, this.pause * 2);
    this.nextTry = Date.now() + wait;
    this.#setState("waiting");
    this.timer = setTimeout(() => this.#open(), wait);
  }

  #hear(text) {
    this.#expect();
    if (this.state === "silent") this.#setState("open");
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    const { type, data, seq } = message;
    if (type === "hello") this.#greet(data);
    else if (type === "gap") this.#fillGap(data);
    else if (type !== "heartbeat" && type !== "pong" && !(seq <= this.seq)) {
      if (typeof seq === "number") this.seq = seq;
      this.#deliver(message);
    }
  }

  #greet({ epoch, seq }) {
    const isRestarted = this.epoch !== null && epoch !== this.epoch;
    if (this.epoch === null || isRestarted) this.seq = seq || 0;
    this.epoch = epoch;
    this.pause = SHORTEST_PAUSE_MS;
    this.#setState("open");
    if (isRestarted) for (const one of this.listeners) one.reset();
  }

  #deliver(message) {
    for (const one of this.listeners) one.message(message);
  }

  // Requests messages that the server skipped for this client. What it no longer has is lost.
  async #fillGap({ from, to, count }) {
    this.seq = Math.max(this.seq, to);
    const { epoch } = this;
    let next = from;
    try {
      while (next <= to) {
        const page = await this.api.get("/run/*/events", {
          query: { from: next, limit: PAGE, epoch, detail: this.#detail() },
        });
        page.events.filter((one) => one.seq <= to).forEach((one) => this.#deliver(one));
        if (page.next <= next) break;
        next = page.next;
      }
    } catch {
      // Listeners show how many are lost.
    }
    const lost = next > to ? 0 : count;
    for (const one of this.listeners) one.gap(lost);
  }

  // The highest level that a listener needs.
  #detail() {
    const levels = [...this.listeners].map((one) => LEVELS.indexOf(one.detail));
    return LEVELS[Math.max(0, ...levels)];
  }

  // Requests what all listeners need.
  #listen() {
    const { socket } = this;
    if (!socket || socket.readyState !== WebSocket.OPEN) return;
    const runs = [...new Set([...this.listeners].flatMap((one) => one.runs))];
    const message = runs.length
      ? { type: "subscribe", runs, detail: this.#detail() }
      : { type: "unsubscribe" };
    socket.send(JSON.stringify(message));
  }
}
