//! Measures the power of each kind of model operation, one at a time.
//!
//! A sensor is slower than one operation, and in a model every sample contains many kinds
//! in about the same mix, so the samples of a run cannot always distinguish kinds. Here each
//! kind runs alone for several samples.
//!
//! ```text
//! power                  __               __
//!            __         |  |   __        |  |        each kind in a separate slot,
//!           |  |  __    |  |  |  |  __   |  |  __    all kinds once per round
//! __________|a |_|b |___|  |__|..|_|..|__|  |_|  |__ idle
//! |- idle -||------ round 1 -----|- idle -||-- round 2 ...
//!
//! active power of a slot = mean of the whole samples inside it
//!                          - idle, interpolated between the two around the round
//! ```
//!
//! Within a slot a kind runs round robin over all layers, so that its weights are as cold as
//! in the model. The uncertainty is the spread over rounds, but at least
//! [`LEAST_RELATIVE_SD`], because the power of a kind differs slightly in a model.

mod estimate;
mod key;
mod measure;
mod meter;
#[cfg(feature = "inference")]
mod model;
mod options;
mod plan;
mod schedule;
mod slot;
mod table;

pub use estimate::{KindPower, LEAST_RELATIVE_SD, Skipped, UNKNOWN_RELATIVE_SD};
pub use key::{key_of_run, machine};
pub use measure::{Bench, CalibrationProgress, MeasureOptions, MeasuredPowers, measure};
#[cfg(feature = "inference")]
pub use model::{ModelCalibration, calibrate, subjects};
pub use options::CalibrateOptions;
pub use slot::{CalibrationSubject, RunFn};
pub use table::print;
