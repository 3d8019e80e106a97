//! Time without samples: recorded while windows close, filled in totals.
//!
//! ```text
//! windows of a rail   |==|==|==|      gap       |==|==|
//! sets of phases      |---- p ------|--- d -----------|
//! gap of each set             p |---|---| d
//! ```
//!
//! A gap is estimated from windows of the same set, so that it depends on what ran. A set
//! without a window of its own uses the set's mean power. A set that was never sampled uses
//! the rail's mean power; its error is the difference between sets.

use std::collections::BTreeMap;

use energy_data::Provenance;

use super::engine::Engine;
use super::phases::Sets;
use super::rails::{Measured, RailState};
use super::scatter::{Scatter, Sides, Variance};
use super::set_energy::{SetEnergies, SetEnergy, SetWindow};

/// Least error of a gap, relative to its energy.
const LEAST_ERROR: f64 = 1e-3;

/// The part of a gap whose spans were dropped already.
#[derive(Debug, Default)]
pub(super) struct PrunedGap {
    /// End of that part.
    until: i64,
    /// Time of each set.
    times: BTreeMap<u32, i64>,
}

/// The gap before a window, for activations that were open in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct GapBefore {
    /// Start of the gap; it ends where the window starts.
    pub(super) start: i64,
    /// Variance of an estimate of its mean power.
    pub(super) variance: Variance,
    /// Variance of an estimate of the mean power after the window.
    pub(super) after: Variance,
    /// Standard deviation of the sensor's clock, in seconds.
    pub(super) clock_s: f64,
}

impl GapBefore {
    fn of(rail: &RailState, window_start: i64) -> Self {
        let scatter = &rail.scatter;
        let missing_ns = (window_start - rail.filled_until).max(0) as f64;
        let windows = missing_ns / scatter.window_ns().unwrap_or(missing_ns).max(1.0);
        let mean_w = scatter.recent(1.0).power_w().unwrap_or(0.0);
        let unknown = Variance::new(mean_w * mean_w, 1.0);
        let error = |windows, sides| scatter.error(windows, sides).unwrap_or(unknown);
        Self {
            start: rail.filled_until.min(window_start),
            variance: error(windows, Sides::Two),
            after: error(1.0, Sides::One),
            clock_s: rail.clock_sd_ns / 1e9,
        }
    }
}

/// Time without samples and its estimated energy.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Gaps {
    pub(super) missing_ns: f64,
    pub(super) energy_j: f64,
    pub(super) error: Variance,
    /// Nothing could be estimated.
    pub(super) unknown: bool,
}

impl Gaps {
    /// Adds a share of another set's gaps.
    pub(super) fn add_share(&mut self, other: &Self, share: f64) {
        self.missing_ns += other.missing_ns * share;
        self.energy_j += other.energy_j * share;
        self.error.add_scaled(other.error, share);
        self.unknown |= other.unknown;
    }

    /// Half of the 90 % interval of its energy.
    pub(super) fn half_j(&self) -> f64 {
        self.error.half().max(LEAST_ERROR * self.energy_j.abs())
    }

    /// Returns its energy; `None` if nothing could be estimated.
    pub(super) fn known_j(&self) -> Option<f64> {
        (!self.unknown).then_some(self.energy_j)
    }
}

impl Engine {
    /// Adds a window to the sets that were open in it, and the gap before it to those that
    /// were open then.
    pub(super) fn add_to_sets(
        &mut self,
        at: usize,
        measured: &Measured,
        energy_j: f64,
        idle_j: Option<f64>,
        times: &[(u32, i64)],
    ) -> GapBefore {
        self.extend_known(measured.start, measured.end);
        let gap = GapBefore::of(&self.rails[at], measured.start);
        self.close_gap(at, measured.start);
        let rail = &mut self.rails[at];
        let window = SetWindow {
            measured,
            energy_j,
            idle_j,
            scatter: &rail.scatter,
            clock_s: rail.clock_sd_ns / 1e9,
        };
        rail.phases.add_window(&window, times);
        if !window.is_short() {
            rail.scatter.push(window.power_w(), window.length());
        }
        rail.filled_until = measured.end;
        gap
    }

    /// Extends the known time to that of a span or a window.
    pub(super) fn extend_known(&mut self, start: i64, end: i64) {
        self.known = (self.known.0.min(start), self.known.1.max(end));
    }

    /// Returns start and end of the attributed time until `now`. An imported file covers the
    /// time from its first to its last event; a recording covers the whole run.
    pub(super) fn extent(&self, now: i64) -> (i64, i64) {
        let mut rails = self.rails.iter().map(|rail| rail.row.provenance);
        let all = rails.all(|provenance| provenance == Provenance::Replayed);
        let (first, last) = self.known;
        if !all || first > last {
            return (0, now);
        }
        let ended = self.run_end < i64::MAX;
        let to = if ended { last.min(now) } else { now };
        (first.clamp(0, to), to)
    }

    /// Records the gap before a window of a rail that begins at `start`, if there is one.
    fn close_gap(&mut self, at: usize, start: i64) {
        let first = self.extent(start).0;
        let rail = &mut self.rails[at];
        let from = rail.filled_until.max(first.min(start));
        if start <= from {
            return;
        }
        let known = rail.pruned_gap.until.max(from);
        let mut gap = std::mem::take(&mut rail.pruned_gap);
        gap.shorten(from, known, start);
        gap.add(&self.phases, known.min(start), start);
        let times: Vec<(u32, i64)> = gap.times.into_iter().collect();
        rail.phases.add_gap(&times, rail.row.interval_ns);
    }

    /// Copies the times of sets into open gaps before the data before `keep` is dropped.
    pub(super) fn keep_open_gaps(&mut self, keep: i64) {
        if self.observer.is_some() {
            return;
        }
        for rail in &mut self.rails {
            let from = rail.pruned_gap.until.max(rail.filled_until);
            if from < keep {
                rail.pruned_gap.add(&self.phases, from, keep);
                rail.pruned_gap.until = keep;
            }
        }
    }

    /// Returns the gaps of each set on a rail until `now`.
    pub(super) fn gaps(&self, at: usize, now: i64) -> Vec<Gaps> {
        let rail = &self.rails[at];
        let unsampled = UnsampledSets::of(&rail.phases, &rail.scatter);
        let (from, to) = self.extent(now);
        let times = set_times(&self.phases, now, to - from);
        let gap = |(set, ns): (usize, i64)| set_gaps(rail, set, ns, &unsampled);
        times.into_iter().enumerate().map(gap).collect()
    }

    /// Returns the sum of all gaps of a rail until `now`.
    pub(super) fn all_gaps(&self, at: usize, now: i64) -> Gaps {
        let mut sum = Gaps::default();
        for gaps in self.gaps(at, now) {
            sum.add_share(&gaps, 1.0);
        }
        sum
    }
}

impl PrunedGap {
    fn add(&mut self, sets: &Sets, from: i64, to: i64) {
        for (set, ns) in sets.cut(from, to) {
            *self.times.entry(set).or_default() += ns;
        }
    }

    /// Removes the time after `start`, which a late window covers, from a gap of
    /// `[from, known)`.
    fn shorten(&mut self, from: i64, known: i64, start: i64) {
        if start >= known {
            return;
        }
        let part = (start - from) as f64 / (known - from) as f64;
        let times = self.times.values_mut();
        times.for_each(|ns| *ns = (*ns as f64 * part) as i64);
    }
}

/// Returns the total time of each set until `now`; the empty set has the remainder of
/// `length_ns`.
fn set_times(sets: &Sets, now: i64, length_ns: i64) -> Vec<i64> {
    let mut times = sets.times(now);
    let others: i64 = times.iter().sum();
    if let Some(empty) = times.first_mut() {
        *empty = (length_ns - others).max(0);
    }
    times
}

fn set_gaps(rail: &RailState, set: usize, total_ns: i64, unsampled: &UnsampledSets) -> Gaps {
    let energies = &rail.phases;
    let energy = energies.energies.get(set).copied().unwrap_or_default();
    let missing_ns = (total_ns as f64 - energy.covered_ns).max(0.0);
    if missing_ns < 1.0 {
        return Gaps::default();
    }
    let window_ns = rail.row.interval_ns;
    let filled = energies.fillers.get(set).map(|filler| {
        let trailing = missing_ns as i64 - filler.missing_ns;
        filler.fill(trailing, window_ns, &rail.scatter)
    });
    let mut filled = filled.unwrap_or_default();
    if energies.fillers.get(set).is_none() {
        filled.unplaced_ns = missing_ns as i64;
    }
    let mut gaps = Gaps {
        missing_ns,
        energy_j: filled.energy_j,
        error: filled.error,
        unknown: false,
    };
    if filled.unplaced_ns > 0 {
        gaps.add_unplaced(filled.unplaced_ns, &energy, rail, unsampled);
    }
    gaps
}

impl Gaps {
    /// Adds time of a set that has no window of its own.
    fn add_unplaced(
        &mut self,
        ns: i64,
        energy: &SetEnergy,
        rail: &RailState,
        unsampled: &UnsampledSets,
    ) {
        let seconds = ns as f64 / 1e9;
        let (power_w, error) = match energy.mean_w() {
            Some(mean_w) => {
                let windows = ns as f64 / rail.scatter.window_ns().unwrap_or(1.0);
                let error = rail.scatter.error(windows, Sides::One);
                (mean_w, error.unwrap_or(unsampled.error))
            }
            None => match unsampled.mean_w {
                Some(mean_w) => (mean_w, unsampled.error),
                None => return self.unknown = true,
            },
        };
        self.energy_j += power_w * seconds;
        self.error.add_scaled(error, seconds);
    }
}

/// Assumed power of sets that were never sampled.
#[derive(Debug)]
struct UnsampledSets {
    mean_w: Option<f64>,
    error: Variance,
}

impl UnsampledSets {
    fn of(energies: &SetEnergies, scatter: &Scatter) -> Self {
        let mut sum = SetEnergy::default();
        let (mut lowest, mut highest, mut sampled) = (f64::INFINITY, f64::NEG_INFINITY, 0);
        for energy in &energies.energies {
            if let Some(mean_w) = energy.mean_w() {
                sum.add_share(energy, 1.0);
                (lowest, highest) = (lowest.min(mean_w), highest.max(mean_w));
                sampled += 1;
            }
        }
        let mean_w = sum.mean_w();
        // With a single set, the difference between sets is unknown.
        let differ = match sampled {
            0 | 1 => mean_w.unwrap_or(0.0) / 2.0,
            _ => highest - lowest,
        };
        let sd = differ.max(scatter.largest_w());
        Self {
            mean_w,
            error: Variance::new(sd * sd, 2.0),
        }
    }
}
