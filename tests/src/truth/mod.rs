//! A program with known true energy: each kind of work has a power, a layer next to the
//! recorder's adds power times self time to a total, and a sensor reads the growth of
//! that total.
//!
//! ```text
//!            +--> truth layer --> total of each thread --+--> sensor --> recorder
//! spans -----+                         |                 |    (idle, noise,
//!            +--> recorder             +--> by kind      |     recorder's CPU time)
//! calibrated runs ---------------------------------------+
//! ```
//!
//! The truth layer keeps its own stacks and reads its own clock, so that the truth is
//! independent of the recorder. Sensor readings include the energy of open spans, as with
//! a real sensor.

mod layer;
mod meter;
mod program;
mod recorder;
mod schedule;
mod score;
mod sensor;

pub use layer::TruthLayer;
pub use meter::TruthMeter;
pub use program::use_one_thread;
pub use schedule::{Outcome, TruthSchedule, follow};
pub use score::{KindScore, Score};
pub use sensor::{Reads, TrueSensor};
