//! A `tracing` layer that measures the energy of each span in joules.
//!
//! Traced threads write compact records and power sources write samples. A pure function
//! turns both into energy accounts that sum to the measured energy, and sinks store the
//! result. Dependencies run one way: `units` <- `record`, `power` and `conditions`
//! (independent of each other) <- `attribution` <- `sink` (with `store` and `chrome`) <-
//! `layer`.

#[cfg(feature = "chrome")]
pub mod chrome;
mod error;
mod record;
pub mod sink;

mod builder;
mod guard;
mod join;
mod layer;
mod meter;
mod recorder;
mod roles;

pub use builder::EnergyLayerBuilder;
pub use energy_attribution as attribution;
pub use energy_data::{AttributeOptions, Method, Prior, rows, units};
pub use energy_host::{self as host, files};
#[cfg(feature = "replay")]
pub use energy_power::table;
pub use energy_power::{self as power, conditions, cpu_time};
pub use energy_power::{Clock, ManualClock, MonotonicClock};
#[cfg(feature = "sqlite")]
pub use energy_store::{
    self as store, attribute_joined, attribute_stored, complete, reattribute, repair_dead_runs,
    show_unended,
};
#[cfg(all(feature = "sqlite", feature = "fit"))]
pub use energy_store::{EstimatedKinds, estimate_kinds};
pub use error::Error;
pub use guard::EnergyGuard;
#[cfg(feature = "sqlite")]
pub use join::ChildEnv;
pub use layer::EnergyLayer;
pub use meter::{MeterSample, PowerMeter, PowerSupport, power_support};
pub use record::{Capture, Detail, EdgeClock, OnFull};
pub use recorder::{RailSummary, RunSummary};
pub use roles::{DEFAULT_KEY_FIELDS, DEFAULT_ROLES};
