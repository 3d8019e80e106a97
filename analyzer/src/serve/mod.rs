//! The server behind `energy serve`: an HTTP and WebSocket interface, and the dashboard.
//!
//! ```text
//! browser, script --> guard (host, origin, token) --> api/*      --> readers --> SQLite
//!                                                 --> generate/* --> child process
//!                                                 --> live/*     <-- follower of the file
//!                                                 --> assets
//! Prometheus          --> guard                   --> metrics   --> readers
//! ```
//!
//! - `api/` - one file for each group of endpoints. A handler parses the request, calls the
//!   library function of the command with that name on a connection of `readers`, and
//!   converts the result.
//! - `live/` - messages about runs that are being recorded: follower, ring, clients.
//! - `generate/` - starts and cancels runs of a model in child processes.
//! - `connections` - accepts connections and limits their number and times; `bodies` receives the
//!   bodies of requests.
//! - `assets` - page, scripts and styles of the dashboard.
//!
//! Async threads never use SQLite or the file system: `readers` reads and writes the recording on
//! blocking threads, and handlers move other such work there. Child processes are started and
//! awaited by async threads.

mod api;
mod app;
mod assets;
mod bodies;
mod browser;
mod cache;
mod connections;
mod etag;
mod extract;
mod generate;
mod guard;
mod headers;
mod live;
mod memory;
mod metrics;
mod options;
mod problem;
mod readers;
mod server;
mod sources;
mod state;
mod stream;
mod totals;
mod wording;

pub use options::{MetricsOptions, ServeOptions};
pub use server::{RunningServer, serve, serve_metrics};
