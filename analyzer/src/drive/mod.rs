//! Drives a server of a language model on this machine, and records the energy of a request.
//!
//! ```text
//! energy drive  |-- idle baseline --|======================= samples =======================|
//! the server                        |---- CPU times, as a child of this process ------------|
//! spans                              model_loading | warm_up | inference
//!                                                              prefill | decode
//!                                                                         token 0, 1, ...
//! ```
//!
//! The server does not record itself: this process sends the request, receives the answer as a
//! stream, and enters the spans of `energy run` when tokens arrive. The CPU time of the server is the
//! run's account `unattributed`, because no span of its own is active. Energies of phases and tokens
//! are those of the machine in their time.
//!
//! ```text
//! sse, answer <- stream_body             endpoint <- client <- server_facts, readiness
//! answer <- token_counts
//! server_process, spans <- exchange      connections <- other_clients      all <- record
//! ```

mod answer;
mod client;
mod config;
mod connections;
mod death_watcher;
mod endpoint;
mod exchange;
mod model;
mod options;
mod other_clients;
mod readiness;
mod record;
mod request;
mod server_facts;
mod server_process;
mod spans;
mod sse;
mod stream_body;
mod token_counts;

#[cfg(feature = "inference")]
pub(crate) use model::located as located_model;
pub(crate) use model::{checksum as model_checksum, path as model_path, stated_name};

pub(crate) use record::stored_fields;

pub use endpoint::{Endpoint, EndpointApi};
pub use options::DriveOptions;
pub use record::{DrivenRun, drive};
