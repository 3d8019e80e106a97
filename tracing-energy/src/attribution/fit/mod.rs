//! What each kind of work draws, from the energy of many samples.

mod input;
mod outcome;
mod timeline;

pub use input::{
    CalibratedPrior, FitOptions, FitWindow, Kernel, KindInfo, KnownIdle, Method, PooledPrior,
    RailInput, Sensor,
};
pub use outcome::{Basis, GroupFit, KindFit, RailFit, Refusal, SensorFit, Warning, WindowFit};
pub use timeline::{Timeline, TimelineBuilder};
