// Reads of a view of stored runs: a new one replaces the one before, and messages about runs cause one.

export class StoredReads {
  // `read(signal)` reads the view. Messages of the types `changes` cause it, `pause_ms` after the last one.
  constructor(socket, { changes, pause_ms, read }) {
    Object.assign(this, { pause_ms, read });
    this.end = socket.subscribe({
      detail: "power",
      message: (message) => {
        if (changes.includes(message.type)) this.later();
      },
      reset: () => this.later(),
    });
  }

  now() {
    this.#abort();
    this.request = new AbortController();
    return this.read(this.request.signal);
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.now(), this.pause_ms);
  }

  stop() {
    this.end();
    clearTimeout(this.timer);
    this.#abort();
  }

  #abort() {
    if (this.request) this.request.abort();
  }
}

// The address of a view with these values of its query.
export function addressOf(view, values) {
  const text = new URLSearchParams(values).toString();
  return `#/${view}${text ? `?${text}` : ""}`;
}
