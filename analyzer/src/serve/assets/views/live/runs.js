// The runs of the Live view: those that are being recorded, and some that ended since.

import { ApiError } from "../../api.js";
import { fill } from "./fill.js";
import { LiveRun } from "./run.js";

// Ended runs that are kept, and messages of a page of past ones.
const ENDED = 5;
const PAGE = 1000;
// Time between two questions whether a run has started.
const START_MS = 1000;
// Time between two looks at runs without messages, and time without messages until a run is read.
const LOOK_MS = 3000;
const SILENT_MS = 8000;
// Time after the end of a run until its stored figures are read again.
const LATER_MS = 1500;

export class LiveRuns {
  // `changed()` is called when another run is chosen or the list was read again, `ended(run)` when
  // the chosen run ends.
  constructor({ api, socket, changed, ended }) {
    Object.assign(this, { api, changed, ended });
    this.all = new Map();
    // Ids of runs that this server started.
    this.own = new Set();
    this.chosenId = null;
    this.database = null;
    this.epoch = null;
    this.look = setInterval(() => this.readSilent(), LOOK_MS);
    this.end = socket.subscribe({
      runs: ["*"],
      detail: "operations",
      message: (message) => this.receive(message),
      reset: () => this.restart(),
      gap: (lost) => this.gap(lost),
    });
  }

  // The run that is shown; null: none.
  get chosen() {
    return this.all.get(this.chosenId) || null;
  }

  // All runs, newest first.
  list() {
    return [...this.all.values()].reverse();
  }

  stop() {
    this.isStopped = true;
    clearInterval(this.look);
    this.end();
  }

  runOf(id) {
    let run = this.all.get(id);
    if (!run) {
      run = new LiveRun(id);
      this.all.set(id, run);
      this.forgetOld();
    }
    return run;
  }

  forgetOld() {
    const ended = [...this.all.values()].filter((run) => !run.isRunning && run !== this.chosen);
    for (const run of ended.slice(0, Math.max(0, ended.length - ENDED))) this.all.delete(run.id);
  }

  // Reads the state of the server, and which runs it started; null: it does not respond.
  async readStatus() {
    let status;
    try {
      status = await this.api.get("/status");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return null;
    }
    this.database = status.database;
    // A server that was restarted cancels no run of the one before it.
    this.isRestarted = this.epoch !== null && this.epoch !== status.epoch;
    if (this.isRestarted) for (const run of this.list()) if (run.isRunning) this.own.delete(run.id);
    this.epoch = status.epoch;
    for (const id of [status.generating, ...(status.queued || [])]) if (id) this.own.add(id);
    return status;
  }

  // The server was restarted: what was recorded in between has no message.
  restart() {
    for (const run of this.all.values()) if (run.isRunning && run.heard) run.interrupt();
    this.load();
  }

  // Runs that are being recorded now, with what is known about their past.
  async load() {
    const status = await this.readStatus();
    if (!status || this.isStopped) return;
    const { isRestarted } = this;
    const { recording, generating, queued = [] } = status;
    for (const id of queued) this.runOf(id).describe({ status: "queued" });
    const ids = [...new Set([...queued, ...(generating ? [generating] : []), ...recording])];
    for (const id of ids) await this.loadRun(this.runOf(id));
    // Runs that ended while the page was disconnected.
    for (const run of [...this.all.values()]) {
      if (!run.isRunning || ids.includes(run.id) || !(run.heard || isRestarted)) continue;
      await this.loadRun(run);
      const isStored = await this.readStored(run);
      if (!isStored && isRestarted && !run.heard) {
        run.fail("The server ended before this run began. Start it again.");
      }
    }
    await this.chooseWanted();
    this.chooseByItself();
    this.changed();
  }

  // Reads the past of a run: messages, and from the file what none reported.
  async loadRun(run) {
    await this.loadPast(run);
    if (!run.pauses.length && run.startsLate) run.interrupt(0);
    await this.fill(run);
  }

  // Reads what is missing in a run. What cannot be read is marked, and read later.
  async fill(run) {
    if (run.isFilled || run.isFilling) return;
    run.isFilling = true;
    try {
      await fill(this.api, run);
      run.fill();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    } finally {
      run.isFilling = false;
    }
  }

  // Chooses the run that the address names.
  async chooseWanted() {
    const id = this.wanted;
    if (!id) return;
    this.wanted = null;
    const run = this.runOf(id);
    this.chosenId = id;
    if (run.heard) return;
    await this.loadPast(run);
    if (!(await this.readStored(run))) this.all.delete(id);
  }

  // Requests the messages of a run that the server still has.
  async loadPast(run) {
    let from;
    for (;;) {
      let page;
      try {
        page = await this.api.get(`/run/${encodeURIComponent(run.id)}/events`, {
          query: { from, limit: PAGE, detail: "operations" },
        });
      } catch (error) {
        if (error instanceof ApiError) return;
        throw error;
      }
      page.events.forEach((one) => run.apply(one));
      run.arrived = Date.now();
      if (page.next > page.newest_seq || page.next === from) return;
      from = page.next;
    }
  }

  // Reads the row of a run in the file, and with it its end. Returns whether it is there.
  async readStored(run) {
    try {
      const { run: row } = await this.api.get(`/run/${encodeURIComponent(run.id)}/head`);
      const wasRunning = run.isRunning;
      if (!this.isStopped) run.takeStored(row);
      if (wasRunning && !run.isRunning) this.changed();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return !error.isAbsent;
    }
  }

  // Reads the stored figures of a run that ended, and once more for what is computed later.
  async readEnd(run) {
    await this.readStored(run);
    setTimeout(async () => {
      if (this.isStopped) return;
      await this.readStored(run);
      // The file has energies of tokens that had none when it was read before.
      if (run.pauses.length) run.isFilled = false;
      await this.fill(run);
    }, LATER_MS);
  }

  // Runs without messages may have ended without one.
  readSilent() {
    for (const run of this.all.values()) {
      this.fill(run);
      const isSilent = run.heard && Date.now() - (run.arrived || 0) > SILENT_MS;
      if (!run.isRunning || !isSilent) continue;
      run.arrived = Date.now();
      this.readStored(run);
    }
  }

  // Whether a run that was started here failed before it was recorded.
  async checkStart(run) {
    const address = `/generate/${encodeURIComponent(run.id)}`;
    while (this.all.get(run.id) === run && run.isRunning && !run.heard && !this.isStopped) {
      await new Promise((done) => setTimeout(done, START_MS));
      try {
        const state = await this.api.get(address);
        if (state.status === "running" && !run.heard) run.describe({ status: "running" });
        if (state.status === "queued" || state.status === "running") continue;
        if (state.message) run.fail(state.message);
        return;
      } catch (error) {
        if (error.isAbsent) return;
        if (!(error instanceof ApiError)) throw error;
      }
    }
  }

  receive(message) {
    if (!message.run) return;
    if (message.type === "run_deleted") {
      this.all.delete(message.run);
      if (this.chosenId === message.run) this.choose(null);
      return;
    }
    const isNew = !this.all.has(message.run);
    // The end of an older run that this page knows nothing about.
    if (isNew && message.type === "figures_replaced") return;
    const run = this.runOf(message.run);
    run.apply(message);
    run.arrived = Date.now();
    // Another page or program may have made the server start it.
    if (isNew) this.readStatus();
    if (message.type === "figures_replaced") this.readEnd(run);
    if (message.type === "inference_complete") {
      this.readEnd(run).then(() => run === this.chosen && this.ended(run));
    }
    if (isNew || message.type === "run_started") this.chooseByItself();
  }

  gap(lost) {
    if (!this.chosen) return;
    this.chosen.lost += lost || 0;
    this.chosen.changed.add("status");
  }

  startedHere(id, status) {
    this.own.add(id);
    const run = this.runOf(id);
    if (status === "queued" && !run.heard) run.describe({ status });
    if (status !== "queued" || !this.chosen) this.choose(id);
    this.checkStart(run);
  }

  choose(id) {
    this.chosenId = id;
    this.changed();
  }

  // Follows the newest run, unless the chosen one still runs.
  chooseByItself() {
    const running = [...this.all.values()].filter((run) => run.isRunning);
    if (this.chosen && this.chosen.isRunning) return;
    const newest = running[running.length - 1];
    if (newest && newest !== this.chosen) this.choose(newest.id);
  }
}
