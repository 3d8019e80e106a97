//! Internal to tracing-energy, without a stability promise: reads power, CPU times and
//! conditions of the machine.
//!
//! - [`PowerSource`] - a driver that reads rails, in a file or folder for each sensor: [`rapl`],
//!   [`hwmon`], [`battery`], [`ioreport`], [`modelled`], ... A [`Rail`] is one metered supply
//!   domain. A [`Sample`] is the energy of a rail over one half-open window of run time.
//! - [`polled`] - shared code of counters and gauges that are read at fixed times.
//! - [`SourceChoice`] names sources, [`open`] opens them, [`Sampler`] runs a thread for each.
//! - [`containment`] - which rail contains which. Rails form a tree (`package` contains `core`),
//!   and sums use its roots only.
//! - [`validate`], `frozen` and `replay::tidy` - samples that are dropped or unknown.
//! - [`cpu_time`], [`users`] - CPU time, and use of a GPU by process.
//! - [`conditions`] - power state, governor, thermal state, load of other processes.
//!
//! The crate depends on `energy-data` and `energy-host`. It knows no spans, no attribution and
//! no tables. The features `powermetrics`, `nvml`, `replay` and `binary-hash` select drivers.

pub mod battery;
pub mod characterise;
mod characteristics;
mod choice;
mod clock;
pub mod conditions;
pub mod containment;
pub mod counter;
pub mod cpu_time;
pub mod detect;
mod error;
mod frozen;
mod gauge;
pub mod hwmon;
pub mod ioreport;
pub mod modelled;
#[cfg(feature = "nvml")]
pub mod nvml;
mod placement;
pub mod polled;
#[cfg_attr(not(feature = "nvml"), allow(dead_code, reason = "used by nvml only"))]
mod power_fallback;
#[cfg(feature = "powermetrics")]
pub mod powermetrics;
mod rail;
mod rail_reader;
pub mod rapl;
#[cfg(feature = "replay")]
pub mod replay;
pub mod sampler;
pub mod sensor_cache;
mod source;
mod stamp;
mod suspend;
mod sysfs;
#[cfg(feature = "replay")]
pub mod table;
pub mod ticker;
pub mod users;
pub mod validate;
mod window_energy;
#[cfg(all(feature = "powermetrics", feature = "replay"))]
mod zero_under_load;

pub use choice::ReplayMode;
pub use clock::{Clock, ManualClock, MonotonicClock};
pub use detect::{OpenOptions, OpenedSources, SourceChoice, open};
pub use energy_data::{Kernel, Provenance, RailKind};
pub use error::SourceError;
pub use rail::{Description, Notice, Pressure, Rail, Sample, SensorMetric, UnusedSensor};
#[cfg(feature = "replay")]
pub use replay::{Recording, Replay, Wall};
pub use sampler::{Sampler, SamplerMessage, SamplerWatch};
pub use source::{PowerSource, Reading};
