//! The trait of a driver that reads rails.

use crate::clock::Clock;
use crate::error::SourceError;
use crate::placement::{PlacedRail, Placement};
use crate::rail::{Description, Notice, Pressure, Sample, SensorMetric};
use crate::users::DeviceUsers;
use energy_data::units::{Nanos, Power};

/// The result of one [`PowerSource::read`].
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// New samples, in time order for each rail.
    pub samples: Vec<Sample>,
    /// New notices.
    pub notices: Vec<Notice>,
    /// Thermal pressure of this machine, in time order.
    pub pressures: Vec<Pressure>,
    /// Other metrics of the sensor: `gpu_freq_mhz`, `gpu_idle_ratio`.
    pub metrics: Vec<SensorMetric>,
    /// All rails of the source, if some have appeared since it was opened. Known rails keep
    /// their indices; new ones are appended. Applies before the samples.
    pub rails: Option<Vec<PlacedRail>>,
}

/// A driver that reads rails. All methods but `describe` are called on one thread, the
/// sampler's. `describe` is complete once the source has been constructed.
pub trait PowerSource: Send {
    /// Returns name, rails, interval, provenance and limits. Rails that appear later are
    /// appended; nothing else changes.
    fn describe(&self) -> Description;

    /// Starts to measure; the first window starts now.
    ///
    /// # Errors
    /// If the sensor cannot be read. The message contains the next step.
    fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError>;

    /// Waits for new samples or notices, at most about `timeout`, and appends them to
    /// `reading`. A timeout is not an error.
    ///
    /// # Errors
    /// [`SourceError::Gone`] ends the source. After other errors it is read again.
    fn read(
        &mut self,
        clock: &dyn Clock,
        timeout: Nanos,
        reading: &mut Reading,
    ) -> Result<(), SourceError>;

    /// Ends the measurement and appends the samples up to now. Waits at most one interval
    /// and never longer than a second.
    fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading);

    /// Returns the process id of the source's sensor process. Its CPU time is attributed to
    /// the profiler, not to the program.
    fn child_pid(&self) -> Option<u32> {
        None
    }

    /// Returns the ids of the source's threads other than the sampler's. Their CPU time is
    /// attributed to the profiler.
    fn own_threads(&self) -> Vec<i64> {
        Vec::new()
    }

    /// Takes the readers of device use by process, each with the index of its rail. Called
    /// once, before the source starts.
    fn users(&mut self) -> Vec<(usize, Box<dyn DeviceUsers>)> {
        Vec::new()
    }

    /// Returns warnings about the source as it was opened.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the placement of a rail among the rails of the machine, as reported by the
    /// platform.
    fn placement(&self, _rail: usize) -> Placement {
        Placement::Unknown
    }

    /// Returns the configured idle power of a rail, or `None` for measured power.
    fn configured_idle(&self, _rail: usize) -> Option<Power> {
        None
    }
}
