//! A `tracing` layer that measures the energy of each span in joules.
//!
//! Traced threads write compact records and power sources write samples. A pure function
//! turns both into energy accounts that sum to the measured energy, and sinks store the
//! result. Dependencies run one way: `units` <- `record`, `power` and `conditions`
//! (independent of each other) <- `attribution` <- `sink` (with `store` and `chrome`) <-
//! `layer`.

pub mod chrome;
mod clock;
pub mod conditions;
pub mod cpu_time;
mod error;
pub mod files;
pub mod power;
pub mod priors;
mod record;
pub mod sink;
pub mod store;
pub mod table;

mod builder;
mod guard;
mod join;
mod layer;
mod reattribute;
mod recorder;
mod roles;

pub use builder::EnergyLayerBuilder;
pub use clock::{Clock, ManualClock, MonotonicClock};
pub use energy_attribution as attribution;
pub use energy_data::{rows, units};
pub use energy_host as host;
pub use error::Error;
pub use guard::EnergyGuard;
pub use join::ChildEnv;
pub use layer::EnergyLayer;
pub use reattribute::{
    AttributeOptions, EstimatedKinds, Method, attribute_joined, attribute_stored, complete,
    estimate_kinds, reattribute, repair_dead_runs, show_unended,
};
pub use record::{Capture, Detail, EdgeClock, OnFull};
pub use recorder::{IdleSamples, RailSummary, RunSummary};
pub use roles::{DEFAULT_KEY_FIELDS, DEFAULT_ROLES};
