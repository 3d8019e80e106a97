//! A `tracing` layer that tells what each span cost in joules.
//!
//! Traced threads write small flat records; power sources write samples; a pure
//! function turns both into a ledger that balances; sinks only write it down.
//! Dependencies run one way: `units` <- `record`, `power` and `conditions` (blind to
//! each other) <- `attribution` <- `sink` (with `store` and `chrome`) <- `layer`.

pub mod attribution;
pub mod chrome;
mod clock;
pub mod conditions;
pub mod cpu_time;
mod error;
pub mod files;
pub mod host;
pub mod power;
pub mod priors;
mod record;
pub mod rows;
pub mod sink;
pub mod store;
pub mod table;
pub mod units;

mod builder;
mod guard;
mod join;
mod layer;
mod reattribute;
mod recorder;
mod roles;

pub use builder::Builder;
pub use clock::{Clock, ManualClock, MonotonicClock};
pub use error::Error;
pub use guard::EnergyGuard;
pub use join::Variables;
pub use layer::EnergyLayer;
pub use reattribute::{
    AttributeOptions, EstimatedKinds, Method, attribute_joined, attribute_stored, complete,
    estimate_kinds, reattribute, repair_dead_runs, show_unended,
};
pub use record::{Capture, Detail, EdgeClock, OnFull};
pub use recorder::{IdleSamples, RailSummary, RunSummary};
pub use roles::{DEFAULT_KEY_FIELDS, DEFAULT_ROLES};
