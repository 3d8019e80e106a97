//! Predicts the energy of a configuration that was not measured, from runs of this machine.
//!
//! ```text
//! runs of the machine -> one model, precision, engine ----> EnergyPredictor --> joules, interval
//!                     \-> models of several sizes  -------> ModelScaling ---/     leave-one-out
//! ```

mod answer;
mod group;
mod options;
mod select;

pub use answer::{PredictedEnergy, predict};
pub use group::{GroupSize, PredictionGroup};
pub use options::PredictOptions;
