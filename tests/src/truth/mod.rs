//! A program that knows what it truly used: each kind of work has a power, a layer
//! beside the recorder's adds power times self time to a total, and a sensor reads
//! how that total grows.
//!
//! ```text
//!            +--> truth layer --> total of each thread --+--> sensor --> recorder
//! spans -----+                         |                 |    (idle, noise,
//!            +--> recorder             +--> by kind      |     recorder's CPU time)
//! calibrated runs ---------------------------------------+
//! ```
//!
//! The truth layer keeps its own stacks and reads its own clock, so that nothing of
//! the recorder's bookkeeping is in the truth. Energy of a span that is being worked
//! in is part of what the sensor reads, as it is of what a real one does.

mod course;
mod layer;
mod meter;
mod program;
mod recorder;
mod score;
mod sensor;

pub use course::{Course, Outcome, follow};
pub use layer::TruthLayer;
pub use meter::Meter;
pub use program::use_one_thread;
pub use score::{KindScore, Score};
pub use sensor::{Reads, TrueSensor};
