//! Converts a rail's samples into windows: cut to the run, in order, without overlap.
//!
//! ```text
//! run            |0 ----------------------- end|
//! samples  [ a ][ b ][ c ]   gap   [ d ][d'][ e ]
//! windows       |b|[ c ]           [ d ]  [' ][e]
//! ```
//!
//! The energy of a sample is reduced by the share of its time outside the run. Samples are
//! shifted by the offset of the sensor's clock, if it is known. A sample that begins before
//! the last one ended (`d'`) keeps its energy and loses that time.

use std::collections::VecDeque;

use energy_data::rows::{RailRow, SampleRow};
use energy_data::{Provenance, RailKind};

use super::coverage::PrunedGap;
use super::idle_test::IdlePower;
use super::ledger::Ledger;
use super::scatter::Scatter;
use super::set_energy::SetEnergies;
use super::unit::DeviceWindow;

/// Number of intervals after which a missing window counts as unmeasured ..
const EXPIRE_INTERVALS: i64 = 3;
/// .. but at least this time, because short intervals often arrive in batches ..
const EXPIRE_AT_LEAST_NS: i64 = 1_000_000_000;
/// .. and at least this time for counters that may freeze, which is detected after three
/// seconds.
const EXPIRE_FROZEN_NS: i64 = 4_000_000_000;

/// One sample's part inside the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measured {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) energy_j: Option<f64>,
    /// Start of the whole sample, on the sensor's clock.
    pub(super) sample: i64,
    /// The part of the sample's energy that lies in the window.
    pub(super) share: f64,
    /// Mean power of the whole sample.
    pub(super) power_w: Option<f64>,
}

/// One rail.
#[derive(Debug)]
pub(super) struct RailState {
    pub(super) row: RailRow,
    pub(super) idle: Option<IdlePower>,
    /// Whether idle power is refuted, if that was decided beforehand.
    pub(super) is_refuted: Option<bool>,
    /// Whether windows are attributed by an estimate.
    pub(super) estimated: bool,
    /// Offset of the sensor's clock: positive if it is ahead of the program's.
    pub(super) clock_offset_ns: i64,
    pub(super) ledger: Ledger,
    /// The last window of a device.
    pub(super) device_window: Option<DeviceWindow>,
    /// Energies by set of open phases.
    pub(super) phases: SetEnergies,
    /// Powers of all its windows.
    pub(super) scatter: Scatter,
    /// End of the last window with energy.
    pub(super) filled_until: i64,
    pub(super) pruned_gap: PrunedGap,
    /// Standard deviation of `clock_offset_ns`.
    pub(super) clock_sd_ns: f64,
    queue: VecDeque<SampleRow>,
    /// End of the last window.
    pub(super) closed_until: i64,
    /// Start of the last gap that was reported.
    pub(super) reported_gap: Option<i64>,
    /// Whether the last window had no energy.
    pub(super) was_null: bool,
}

impl RailState {
    pub(super) fn new(row: RailRow) -> Self {
        Self {
            row,
            idle: None,
            is_refuted: None,
            device_window: None,
            estimated: false,
            clock_offset_ns: 0,
            ledger: Ledger::default(),
            phases: SetEnergies::default(),
            scatter: Scatter::default(),
            filled_until: 0,
            pruned_gap: PrunedGap::default(),
            clock_sd_ns: 0.0,
            queue: VecDeque::new(),
            closed_until: 0,
            reported_gap: None,
            was_null: false,
        }
    }

    /// Adds a sample, whose times are on the sensor's clock.
    pub(super) fn push(&mut self, mut sample: SampleRow) {
        sample.start_ns -= self.clock_offset_ns;
        sample.end_ns -= self.clock_offset_ns;
        self.queue.push_back(sample);
    }

    /// Returns the next window, if it ends by `limit`; samples without one are dropped.
    pub(super) fn next(&mut self, run_end: i64, limit: i64) -> Option<Measured> {
        while let Some(sample) = self.queue.front() {
            match cut(sample, self.closed_until, run_end) {
                Some(mut measured) => {
                    measured.sample += self.clock_offset_ns;
                    return (measured.end <= limit).then_some(measured);
                }
                None if sample.start_ns >= run_end && limit < run_end => return None,
                None => drop(self.queue.pop_front()),
            }
        }
        None
    }

    /// Removes the window that [`Self::next`] returned.
    pub(super) fn take(&mut self, measured: &Measured) {
        self.queue.pop_front();
        self.closed_until = measured.end;
    }

    /// Idle power that is subtracted from windows.
    pub(super) fn baseline_w(&self) -> Option<f64> {
        let used = self.idle.filter(|_| self.is_refuted != Some(true));
        used.map(|idle| idle.watts)
    }

    /// Whether idle power is not that of the run.
    pub(super) fn is_idle_refuted(&self) -> bool {
        let is_above_run = || {
            self.tested_idle()
                .is_some_and(|idle| self.ledger.powers.refute(&idle))
        };
        self.is_refuted
            .filter(|_| !self.estimated)
            .unwrap_or_else(is_above_run)
    }

    /// Idle power to test against the run: the measured or the estimated one.
    pub(super) fn tested_idle(&self) -> Option<IdlePower> {
        let found = |watts| IdlePower {
            watts,
            samples: 0,
            spread_w: None,
        };
        match self.estimated {
            true => self.idle_w().map(found),
            false => self.idle,
        }
    }

    /// Mean idle power; the estimated one if there is an estimate.
    pub(super) fn idle_w(&self) -> Option<f64> {
        let (idle_j, idle_ns) = (self.ledger.accounts.idle_j, self.ledger.idle_ns);
        let accounted = idle_j.filter(|_| idle_ns > 0);
        let accounted = accounted.map(|energy| energy / (idle_ns as f64 / 1e9));
        accounted.filter(|_| self.estimated).or(self.baseline_w())
    }

    /// Time after which a missing window counts as unmeasured.
    pub(super) fn patience(&self) -> i64 {
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

    /// Returns the time before which no later window of this rail needs data, if spans are
    /// complete until `spans_until`.
    pub(super) fn reached(&self, spans_until: i64) -> i64 {
        let expired = spans_until.saturating_sub(self.patience());
        let waiting = self.queue.front().map_or(i64::MAX, |s| s.start_ns);
        self.closed_until.max(expired.min(waiting))
    }

    /// Returns the start of a gap before `time` that is too long and not yet reported, and marks
    /// it as reported.
    pub(super) fn unreported_gap(&mut self, time: i64) -> Option<i64> {
        let start = self.closed_until;
        let waiting = self.queue.front().map_or(i64::MAX, |s| s.start_ns);
        let long = time.min(waiting).saturating_sub(start) > self.patience();
        (long && self.reported_gap.replace(start) != Some(start)).then_some(start)
    }
}

/// Returns the part of a sample inside the run and after `from`, if any.
fn cut(sample: &SampleRow, from: i64, run_end: i64) -> Option<Measured> {
    let length = sample.end_ns - sample.start_ns;
    let (inside_from, end) = (sample.start_ns.max(0), sample.end_ns.min(run_end));
    let start = inside_from.max(from);
    if length <= 0 || end <= start {
        return None;
    }
    let inside = (end - inside_from) as f64 / length as f64;
    let energy_j = sample.energy_j.filter(|energy| energy.is_finite());
    Some(Measured {
        start,
        end,
        energy_j: energy_j.map(|energy| energy * inside),
        sample: sample.start_ns,
        share: inside,
        power_w: energy_j.map(|energy| energy / (length as f64 / 1e9)),
    })
}
