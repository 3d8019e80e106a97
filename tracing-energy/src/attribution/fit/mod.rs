//! What each kind of work draws, from the energy of many samples.

mod columns;
mod design;
mod drift;
mod driver;
mod energies;
mod gate;
mod gram;
mod groups;
mod input;
mod noise;
mod offset;
mod outcome;
mod prior;
mod rail;
mod report;
mod shares;
mod solve;
pub(super) mod stats;
#[cfg(test)]
mod tests;
mod timeline;
mod windows;

pub use driver::fit;
pub use input::{
    CalibratedPrior, FitOptions, FitWindow, Kernel, KindInfo, KnownIdle, Method, PooledPrior,
    RailInput, Sensor,
};
pub use outcome::{Basis, GroupFit, KindFit, RailFit, Refusal, SensorFit, Warning, WindowFit};
pub use timeline::{Timeline, TimelineBuilder};
