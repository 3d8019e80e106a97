//! Internal to tracing-energy, without a stability promise: plain data that all its crates
//! share. Units, rows of a recording, and properties of rails.

mod batching;
pub mod interval_energy;
mod kernel;
mod method;
mod prior;
mod rail;
mod roles;
pub mod rows;
mod sets;
pub mod sink;
pub mod units;

pub use batching::{Batched, Batching};
pub use kernel::Kernel;
pub use method::{AttributeOptions, Method};
pub use prior::Prior;
pub use rail::{Provenance, RailKind};
pub use roles::{DEFAULT_KEY_FIELDS, DEFAULT_ROLES};
pub use sets::{BasisSet, ProvenanceSet, UnknownNameError};
