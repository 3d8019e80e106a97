//! Readings of a sensor and the energy of one window.

use crate::error::SourceError;
use crate::rail::Sample;
use energy_data::units::{Energy, Nanos};

/// One reading of a sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum RawReading {
    /// Cumulative energy.
    Microjoules(u64),
    /// Current power.
    Watts(f64),
}

/// Reads a sensor.
pub(super) type ReadSensor = Box<dyn FnMut() -> Result<RawReading, SourceError> + Send>;

/// Reports an event: its kind and its message.
pub(super) type ReportEvent<'a> = &'a mut dyn FnMut(&'static str, String);

/// The energy of one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WindowEnergy {
    pub(super) start: Nanos,
    pub(super) end: Nanos,
    pub(super) energy: Option<Energy>,
}

impl WindowEnergy {
    /// Converts it to a sample of a rail.
    pub(super) const fn of_rail(self, rail: usize) -> Sample {
        let Self { start, end, energy } = self;
        Sample {
            rail,
            start,
            end,
            energy,
        }
    }
}
