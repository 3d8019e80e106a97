//! Runs of a model that clients start.
//!
//! ```text
//! POST generate --> request --> models, power --> jobs (one runs, others wait) --> child: energy run
//! ```
//!
//! - `bodies`, `limits`, `request` - both forms of the body, and the run that they request.
//! - `models`, `gguf` - models that may be run.
//! - `power` - whether power can be measured.
//! - `jobs` - one run at a time, a short queue, cancellation. `child` - the process of a run.
//! - `endpoints` - the handlers.
//!
//! A run is recorded by a process of its own: the recorder observes a whole process, so it
//! would also count the work of the server. The server finds the run in the file like any other.

mod awaited;
mod bodies;
mod child;
mod endpoints;
mod gguf;
mod jobs;
mod limits;
mod models;
mod power;
mod request;

pub(super) use awaited::explain;
pub(super) use endpoints::routes;
pub(super) use jobs::Generator;
