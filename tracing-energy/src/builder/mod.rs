//! The builder of a recording: `settings` collects, `start` starts.

mod plan;
mod sensor_probe;
mod settings;
mod start;

pub use settings::EnergyLayerBuilder;
