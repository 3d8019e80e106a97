//! The measured characteristics of sensors: plain data.

use crate::rail::Sample;
use energy_data::units::{Energy, Nanos, Power};

/// The measured characteristics of one rail's sensor.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RailCharacteristics {
    /// Number of windows with a known energy.
    pub samples: usize,
    /// Mean power over these windows.
    pub power: Option<Power>,
    /// Median time between windows with energy; `None` if there were fewer than three.
    pub period: Option<Nanos>,
    /// The smallest difference between two energies of windows.
    pub resolution: Option<Energy>,
}

/// The characteristics of a source's rails, with its samples and messages.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SourceObservation {
    /// Characteristics by rail index.
    pub rails: Vec<RailCharacteristics>,
    /// Messages of its notices and errors.
    pub messages: Vec<String>,
    /// All samples, in the order of their delivery.
    pub samples: Vec<Sample>,
}
