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

use crate::ledger::rail_account::RailAccount;
use crate::ledger::scatter::{Scatter, Sides, Variance};
use crate::ledger::set_energy::{SetEnergies, SetEnergy};
use crate::spans::phases::Sets;
use crate::windows::rail::RailInfo;

/// Least error of a gap, relative to its energy.
const LEAST_ERROR: f64 = 1e-3;

/// The gap before a window, for activations that were open in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GapBefore {
    /// Start of the gap; it ends where the window starts.
    pub(crate) start: i64,
    /// Variance of an estimate of its mean power.
    pub(crate) variance: Variance,
    /// Variance of an estimate of the mean power after the window.
    pub(crate) after: Variance,
    /// Standard deviation of the sensor's clock, in seconds.
    pub(crate) clock_s: f64,
}

impl GapBefore {
    /// Returns the gap before a window that begins at `window_start`.
    pub(crate) fn of(account: &RailAccount, rail: &RailInfo, window_start: i64) -> Self {
        let scatter = &account.scatter;
        let missing_ns = (window_start - account.filled_until).max(0) as f64;
        let windows = missing_ns / scatter.window_ns().unwrap_or(missing_ns).max(1.0);
        let mean_w = scatter.recent(1.0).power_w().unwrap_or(0.0);
        let unknown = Variance::new(mean_w * mean_w, 1.0);
        let error = |windows, sides| scatter.error(windows, sides).unwrap_or(unknown);
        Self {
            start: account.filled_until.min(window_start),
            variance: error(windows, Sides::Two),
            after: error(1.0, Sides::One),
            clock_s: rail.clock_sd_ns / 1e9,
        }
    }
}

/// Time without samples and its estimated energy.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Gaps {
    pub(crate) missing_ns: f64,
    pub(crate) energy_j: f64,
    pub(crate) error: Variance,
    /// Nothing could be estimated.
    pub(crate) unknown: bool,
}

impl Gaps {
    /// Adds a share of another set's gaps.
    pub(crate) fn add_share(&mut self, other: &Self, share: f64) {
        self.missing_ns += other.missing_ns * share;
        self.energy_j += other.energy_j * share;
        self.error.add_scaled(other.error, share);
        self.unknown |= other.unknown;
    }

    /// Returns the sum of the gaps of sets.
    pub(crate) fn sum(sets: &[Self]) -> Self {
        let mut sum = Self::default();
        sets.iter().for_each(|gaps| sum.add_share(gaps, 1.0));
        sum
    }

    /// Half of the 90 % interval of its energy.
    pub(crate) fn half_j(&self) -> f64 {
        self.error.half().max(LEAST_ERROR * self.energy_j.abs())
    }

    /// Returns its energy; `None` if nothing could be estimated.
    pub(crate) fn known_j(&self) -> Option<f64> {
        (!self.unknown).then_some(self.energy_j)
    }
}

/// Records the gap of a rail before a window that begins at `start`, if there is one. The
/// attributed time begins at `first`.
pub(crate) fn close_gap(
    account: &mut RailAccount,
    rail: &RailInfo,
    sets: &Sets,
    (first, start): (i64, i64),
) {
    let from = account.filled_until.max(first.min(start));
    if start <= from {
        return;
    }
    let known = account.pruned_gap.until.max(from);
    let mut gap = std::mem::take(&mut account.pruned_gap);
    gap.shorten(from, known, start);
    gap.add(sets, known.min(start), start);
    let times: Vec<(u32, i64)> = gap.times.into_iter().collect();
    account.phases.add_gap(&times, rail.row.interval_ns);
}

/// Copies the times of sets into an open gap before the data before `keep` is dropped.
pub(crate) fn keep_open_gap(account: &mut RailAccount, sets: &Sets, keep: i64) {
    let from = account.pruned_gap.until.max(account.filled_until);
    if from < keep {
        account.pruned_gap.add(sets, from, keep);
        account.pruned_gap.until = keep;
    }
}

/// Returns the gaps of each set on a rail until `now`, in an attributed time of `length_ns`.
pub(crate) fn gaps(
    account: &RailAccount,
    rail: &RailInfo,
    sets: &Sets,
    (now, length_ns): (i64, i64),
) -> Vec<Gaps> {
    let unsampled = UnsampledSets::of(&account.phases, &account.scatter);
    let times = set_times(sets, now, length_ns);
    let gap = |(set, ns): (usize, i64)| set_gaps(account, rail, (set, ns), &unsampled);
    times.into_iter().enumerate().map(gap).collect()
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

fn set_gaps(
    account: &RailAccount,
    rail: &RailInfo,
    (set, total_ns): (usize, i64),
    unsampled: &UnsampledSets,
) -> Gaps {
    let energies = &account.phases;
    let energy = energies.energies.get(set).copied().unwrap_or_default();
    let missing_ns = (total_ns as f64 - energy.covered_ns).max(0.0);
    if missing_ns < 1.0 {
        return Gaps::default();
    }
    let window_ns = rail.row.interval_ns;
    let filled = energies.fillers.get(set).map(|filler| {
        let trailing = missing_ns as i64 - filler.missing_ns;
        filler.fill(trailing, window_ns, &account.scatter)
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
        gaps.add_unplaced(filled.unplaced_ns, &energy, &account.scatter, unsampled);
    }
    gaps
}

impl Gaps {
    /// Adds time of a set that has no window of its own.
    fn add_unplaced(
        &mut self,
        ns: i64,
        energy: &SetEnergy,
        scatter: &Scatter,
        unsampled: &UnsampledSets,
    ) {
        let seconds = ns as f64 / 1e9;
        let (power_w, error) = match energy.mean_w() {
            Some(mean_w) => {
                let windows = ns as f64 / scatter.window_ns().unwrap_or(1.0);
                let error = scatter.error(windows, Sides::One);
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
