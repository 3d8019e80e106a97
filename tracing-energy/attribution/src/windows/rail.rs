//! What is known about a rail apart from its samples.

use energy_data::rows::RailRow;
use energy_data::{Provenance, RailKind};

use crate::idle_power::IdlePower;

/// Number of intervals after which a missing window counts as unmeasured ..
const EXPIRE_INTERVALS: i64 = 3;
/// .. but at least this time, because short intervals often arrive in batches ..
const EXPIRE_AT_LEAST_NS: i64 = 1_000_000_000;
/// .. and at least this time for counters that may freeze, which is detected after three
/// seconds.
const EXPIRE_FROZEN_NS: i64 = 4_000_000_000;

/// One rail with its idle power and its clock.
#[derive(Debug)]
pub(crate) struct RailInfo {
    pub(crate) row: RailRow,
    pub(crate) idle: Option<IdlePower>,
    /// Whether idle power is refuted, if that was decided beforehand.
    pub(crate) is_refuted: Option<bool>,
    /// Offset of the sensor's clock: positive if it is ahead of the program's.
    pub(crate) clock_offset_ns: i64,
    /// Standard deviation of `clock_offset_ns`.
    pub(crate) clock_sd_ns: f64,
}

impl RailInfo {
    /// Idle power that is subtracted from windows.
    pub(crate) fn baseline_w(&self) -> Option<f64> {
        let used = self.idle.filter(|_| self.is_refuted != Some(true));
        used.map(|idle| idle.watts)
    }

    /// Time after which a missing window counts as unmeasured.
    pub(crate) fn patience(&self) -> i64 {
        let may_freeze = self.row.provenance == Provenance::Measured
            && matches!(
                self.row.kind,
                RailKind::Cpu | RailKind::Package | RailKind::Dram | RailKind::System
            );
        let least = match may_freeze {
            true => EXPIRE_FROZEN_NS,
            false => EXPIRE_AT_LEAST_NS,
        };
        (EXPIRE_INTERVALS * self.row.interval_ns).max(least)
    }
}
