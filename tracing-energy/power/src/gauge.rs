//! Computes energy from readings of power.

use energy_data::units::{Energy, Nanos, Power};

/// Longest time between two readings over which power is interpolated: this number of
/// intervals, but at least [`BRIDGED_AT_LEAST`].
const BRIDGED_INTERVALS: i64 = 5;

const BRIDGED_AT_LEAST: Nanos = Nanos::from_millis(1_000);

/// Interpolates power between readings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gauge {
    last: Option<Power>,
    /// Longest window; longer ones are gaps.
    longest: Nanos,
}

impl Gauge {
    /// Creates a gauge with a reading interval.
    pub(super) fn every(interval: Nanos) -> Self {
        let longest = Nanos::from_nanos(interval.nanos().saturating_mul(BRIDGED_INTERVALS));
        Self {
            last: None,
            longest: longest.max(BRIDGED_AT_LEAST),
        }
    }

    /// Returns the mean of the last two readings times the time between them.
    pub(super) fn advance(&mut self, watts: f64, (start, end): (Nanos, Nanos)) -> Option<Energy> {
        let now = Power::from_watts(watts);
        let before = self.last.replace(now)?;
        (end - start <= self.longest).then(|| (before + now) * 0.5 * (end - start))
    }

    pub(super) fn forget(&mut self) {
        self.last = None;
    }
}
