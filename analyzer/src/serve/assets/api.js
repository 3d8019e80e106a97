// Requests to the server. Errors are problem details (RFC 9457): what failed, and the next step.

const BASE = "/api/profiling";

// A request that failed. `status` is 0 if the server did not respond.
export class ApiError extends Error {
  constructor({ status, title, detail, remedy }) {
    super(detail || title || `status ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.title = title;
    this.detail = detail || title || `The server responded with status ${status}`;
    this.remedy = remedy;
  }

  get isAbsent() {
    return this.status === 404 || this.status === 410;
  }
}

export const isAborted = (error) => error.name === "AbortError";

// Creates the client. `onUnauthorized` is called when the server requires a token.
export function createApi({ onUnauthorized } = {}) {
  async function request(method, path, { query, body, signal, accept } = {}) {
    let response;
    try {
      response = await fetch(address(path, query), {
        method,
        signal,
        credentials: "same-origin",
        headers: {
          Accept: accept || "application/json",
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) {
      if (isAborted(error)) throw error;
      throw new ApiError({
        status: 0,
        title: "No connection",
        detail: "The server does not respond",
        remedy: "check that `energy serve` is running; this page connects again by itself",
      });
    }
    if (response.ok) return response;
    const error = await problemOf(response);
    if (response.status === 401 && onUnauthorized) onUnauthorized(error);
    throw error;
  }
  const json = async (method, path, options) => {
    const response = await request(method, path, options);
    return response.status === 204 ? null : response.json();
  };
  return {
    // Each path begins after `/api/profiling`; options are `query`, `body` and `signal`.
    get: (path, options) => json("GET", path, options),
    post: (path, body, options) => json("POST", path, { body, ...options }),
    patch: (path, body, options) => json("PATCH", path, { body, ...options }),
    delete: (path, body, options) => json("DELETE", path, { body, ...options }),
    bytes: async (path, options) => {
      const accept = "application/octet-stream";
      return (await request("GET", path, { accept, ...options })).arrayBuffer();
    },
  };
}

// Returns the address of a path, with its parameters; unknown and empty ones are left out, lists
// are repeated.
function address(path, query) {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query || {})) {
    for (const one of [value].flat()) {
      if (one !== undefined && one !== null && one !== "") parameters.append(key, one);
    }
  }
  const text = parameters.toString();
  return `${BASE}${path}${text ? `?${text}` : ""}`;
}

async function problemOf(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // The body is no JSON: the status has to do.
  }
  return new ApiError({ ...problem, status: response.status });
}
