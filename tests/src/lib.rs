//! Support for the end-to-end tests: fake sensors, work with known spans, access to
//! recordings, simulated traces with scores of methods on them, and programs with known
//! true energy.

pub mod accuracy;
pub mod gate_trials;
pub mod http;
pub mod large;
pub mod many_runs;
pub mod oracle;
pub mod power_trials;
pub mod resource_use;
pub mod route_load;
pub mod simulate;
pub mod truth;

mod children;
mod imported;
mod powercap;
mod sensor;
mod stored;
mod work;

pub use children::{
    energy, energy_run, energy_run_of, free_port, send, serve, tiny_model, until, wait,
};
pub use imported::{ImportOutcome, Listed, imported};
pub use powercap::FakeZone;
pub use sensor::{FakeSensor, write_whole};
pub use stored::StoredRun;
pub use work::{burn, modelled, record, record_with, sensing, tokens};
