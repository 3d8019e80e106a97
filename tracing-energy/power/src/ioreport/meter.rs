//! The calls to the system that the source needs.

use std::time::Duration;

use super::channels::Channel;
use energy_data::units::Power;

/// The energy counted since the previous reading.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MeterReading {
    /// All channels of the group `Energy Model`.
    pub channels: Vec<Channel>,
    /// Power of the whole machine, if a sensor reports it.
    pub system: Option<Power>,
    /// Power of the processor by another sensor, if there is one.
    pub cpu: Option<Power>,
}

/// The calls to the system. Created and used on one thread.
pub trait Meter {
    /// Waits for `wait` and returns what was counted since the last call. The first call
    /// starts to count.
    ///
    /// # Errors
    /// The reason, if nothing can be read.
    fn read(&mut self, wait: Duration) -> Result<MeterReading, String>;
}
