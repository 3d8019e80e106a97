//! Internal to tracing-energy, without a stability promise: plain data that all crates share.
//!
//! - [`units`] - energy, power and run time as types, with all conversions.
//! - [`rows`] - the rows of a recording, one type for each table of the store.
//! - [`sink`] - [`Sink`](sink::Sink) receives rows in a [`Batch`](sink::Batch).
//! - [`live`] - updates about runs while they are recorded.
//! - [`ranges`] - sets of numbers in little memory.
//! - [`trace_context`] - ids of traces that programs pass between services.
//! - [`Method`], [`AttributeOptions`] and [`Prior`] - how a recording is attributed.
//! - [`RailKind`], [`Provenance`] and [`Kernel`] - properties of a rail and its sensor.
//!
//! All other crates of the workspace except `energy-host` and `energy-models` depend on this one.
//! It depends on none of them and does no I/O.

mod batching;
pub mod interval_energy;
mod kernel;
pub mod live;
mod method;
mod peak;
mod prior;
mod rail;
pub mod ranges;
mod roles;
pub mod rows;
mod sets;
pub mod sink;
pub mod trace_context;
pub mod units;

pub use batching::{Batched, Batching};
pub use kernel::Kernel;
pub use method::{AttributeOptions, Method};
pub use peak::{PeakSamples, gives_peak};
pub use prior::Prior;
pub use rail::{Provenance, RailKind};
pub use roles::{DEFAULT_KEY_FIELDS, DEFAULT_ROLES};
pub use sets::{BasisSet, ProvenanceSet, UnknownNameError};
