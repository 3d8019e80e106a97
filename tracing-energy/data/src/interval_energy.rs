//! The energy of a time interval on the root rails, and when it is known.
//!
//! ```text
//! time        |-------------------------------------|
//! samples     |=======|      gap      |=============|
//! energy_j      measured + extrapolated + measured      coverage >= 50 %
//!               unknown                                 coverage <  50 %
//! ```
//!
//! The energy is unknown if samples of some rail cover less than half of the interval, or if
//! that of some rail is unknown. The coverage of a sum over rails is that of its least covered
//! rail. Attributions without coverage have measured energies only.
//!
//! Energy in gaps cannot be negative, so the lower end of an interval of confidence is at least
//! the measured energy.
//!
//! The views in `schema.sql` and the exported tables state the same rule in SQL; tests compare
//! them with this module.

use crate::rows::BalanceRow;

/// Minimum coverage for an energy to be known.
pub const KNOWN_FROM: f64 = 0.5;
/// Minimum share of a span entry that power windows must cover for its energy to be known. It is
/// higher because that energy is not extrapolated.
const WINDOWS_KNOWN_FROM: f64 = 0.99;
/// Coverage below which every report contains it.
pub const REPORTED_BELOW: f64 = 0.98;

/// Energy measured by one rail in an interval, and the estimate for its gaps.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RailInterval {
    /// Length of the interval.
    pub duration_ns: i64,
    /// Part of it that samples cover; `None` if not known.
    pub covered_ns: Option<i64>,
    /// Measured energy; `None` without samples.
    pub measured_j: Option<f64>,
    /// Idle part of `measured_j`.
    pub idle_j: Option<f64>,
    /// Estimate for the time without samples; `None` if not known.
    pub extrapolated_j: Option<f64>,
    /// Half of the 90 % interval of `extrapolated_j`; independent between time intervals.
    pub gap_j: Option<f64>,
    /// Energy that windows across its edges probably gave to its neighbours.
    pub edge_j: Option<f64>,
    /// Ends of the energy's 90 % interval, which include windows across the edges of the
    /// time interval; only for a single time interval.
    pub ends_j: Option<(f64, f64)>,
}

/// Energy of an interval over one or several rails.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IntervalEnergy {
    /// Coverage of the least covered rail; `None` if that of one is not known.
    pub coverage: Option<f64>,
    /// Lowest known coverage of a rail, if the energy is unknown because of it.
    pub insufficient_coverage: Option<f64>,
    /// Measured part of the energy. It may be known even if the energy is not.
    pub measured_j: Option<f64>,
    /// Estimated part of the energy.
    pub extrapolated_j: Option<f64>,
    /// Energy: measured plus extrapolated.
    pub energy_j: Option<f64>,
    /// Idle part of the energy.
    pub idle_j: Option<f64>,
    /// Energy above idle energy, clamped to 0 on each rail.
    pub active_j: Option<f64>,
    /// Lower end of the energy's 90 % interval; `None` without gaps.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
}

impl RailInterval {
    /// Returns the share of the interval that samples cover, if known.
    pub fn coverage(&self) -> Option<f64> {
        coverage(self.covered_ns?, self.duration_ns)
    }

    /// Merges consecutive intervals on one rail.
    pub fn over_time(parts: &[Self]) -> Self {
        let filled = || parts.iter().filter(|part| !part.is_empty());
        let all = |of: fn(&Self) -> Option<f64>| sum_known(filled().map(of));
        let is_sampled = |part: &&Self| part.covered_ns != Some(0);
        let sampled = || filled().filter(is_sampled);
        let duration_ns = parts.iter().map(|part| part.duration_ns).sum();
        let sampled_ns: i64 = sampled().map(|part| part.duration_ns).sum();
        let covered_ns = filled().map(|part| part.covered_ns).sum::<Option<i64>>();
        // Idle power continues in parts without samples; it is stored per covered time.
        let idle_j = sum_known(sampled().map(Self::whole_idle));
        let per_covered = match covered_ns {
            Some(covered) if covered < duration_ns => covered as f64 / sampled_ns as f64,
            _ => 1.0,
        };
        let squares = sum_known(filled().map(|part| part.gap_j.map(|half| half * half)));
        Self {
            duration_ns,
            covered_ns,
            measured_j: sum_known(sampled().map(|part| part.measured_j)),
            idle_j: idle_j.map(|idle| idle * per_covered),
            extrapolated_j: all(Self::extrapolated),
            gap_j: squares.map(f64::sqrt),
            edge_j: all(|part| part.edge_j),
            ends_j: None,
        }
    }

    fn has_gap(&self) -> bool {
        self.covered_ns
            .is_some_and(|covered| covered < self.duration_ns)
    }

    fn is_empty(&self) -> bool {
        self.duration_ns == 0
    }

    /// Returns the idle energy of the whole interval; `idle_j` is that of the covered part.
    fn whole_idle(&self) -> Option<f64> {
        let covered = self
            .covered_ns
            .filter(|covered| *covered < self.duration_ns);
        match covered {
            Some(0) => None,
            Some(covered) => Some(self.idle_j? * self.duration_ns as f64 / covered as f64),
            None => self.idle_j,
        }
    }

    /// Returns the energy above idle energy. Noise may put an idle rail below its idle
    /// power: its active energy is clamped to 0 so that it doesn't reduce other rails'.
    fn active(&self) -> Option<f64> {
        let whole_j = self.measured_j? + self.extrapolated()?;
        Some((whole_j - self.whole_idle()?).max(0.0))
    }

    /// Returns the extrapolated energy; 0 if coverage is unknown.
    fn extrapolated(&self) -> Option<f64> {
        match self.covered_ns {
            Some(_) => self.extrapolated_j,
            None => Some(0.0),
        }
    }
}

impl From<&BalanceRow> for RailInterval {
    /// Returns the run on a rail.
    fn from(balance: &BalanceRow) -> Self {
        Self {
            duration_ns: balance.duration_ns.unwrap_or(0),
            covered_ns: balance.covered_ns,
            measured_j: Some(balance.accounts.measured_j),
            idle_j: balance.accounts.idle_j,
            extrapolated_j: Some(balance.extrapolated_j),
            ends_j: balance.lo_j.zip(balance.hi_j),
            ..Self::default()
        }
    }
}

impl IntervalEnergy {
    /// Sums an interval over rails. Gaps of rails mostly coincide, so the half-widths of their
    /// intervals add.
    pub fn over_rails(rails: &[RailInterval]) -> Self {
        let all = |of: fn(&RailInterval) -> Option<f64>| sum_known(rails.iter().map(of));
        let coverages = || rails.iter().filter(|rail| !rail.is_empty());
        let known = coverages().filter_map(RailInterval::coverage);
        let insufficient_coverage = known.reduce(f64::min).filter(|least| !is_enough(*least));
        let measured_j = all(|rail| rail.measured_j);
        let extrapolated_j = all(RailInterval::extrapolated);
        let is_known = |_: &f64| insufficient_coverage.is_none();
        let whole_j = measured_j.zip(extrapolated_j).map(|(m, e)| m + e);
        let energy_j = whole_j.filter(is_known);
        let ends = energy_j.filter(|_| rails.iter().any(RailInterval::has_gap));
        let ends =
            ends.and_then(|energy| stored_ends(rails).or_else(|| ends_of_sum(rails, energy)));
        Self {
            coverage: least_coverage(coverages().map(RailInterval::coverage)),
            insufficient_coverage,
            measured_j,
            extrapolated_j: extrapolated_j.filter(is_known),
            energy_j,
            idle_j: all(RailInterval::whole_idle).filter(is_known),
            active_j: all(RailInterval::active).filter(is_known),
            lo_j: ends.map(|(lo, _)| lo),
            hi_j: ends.map(|(_, hi)| hi),
        }
    }
}

/// Returns the stored interval of a single time interval.
fn stored_ends(rails: &[RailInterval]) -> Option<(f64, f64)> {
    let ends = |of: fn((f64, f64)) -> f64| sum_known(rails.iter().map(|rail| rail.ends_j.map(of)));
    ends(|ends| ends.0).zip(ends(|ends| ends.1))
}

/// Returns the interval of a sum of time intervals, in which energy that windows moved
/// between them cancels.
fn ends_of_sum(rails: &[RailInterval], energy_j: f64) -> Option<(f64, f64)> {
    let all = |of: fn(&RailInterval) -> Option<f64>| sum_known(rails.iter().map(of));
    let half = all(|rail| rail.gap_j)?;
    let edge = all(|rail| rail.edge_j).unwrap_or(0.0);
    let least = energy_j - all(RailInterval::extrapolated)?.max(0.0);
    let lo = (energy_j - half).max(least) + edge.min(0.0);
    Some((lo, energy_j + edge.max(0.0) + half))
}

/// Returns the share of a duration that samples cover, or `None` if the duration is 0.
pub fn coverage(covered_ns: i64, duration_ns: i64) -> Option<f64> {
    let share = covered_ns as f64 / duration_ns as f64;
    (duration_ns > 0).then(|| share.clamp(0.0, 1.0))
}

/// Returns the smallest coverage, or `None` if one is unknown.
pub fn least_coverage(coverages: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let known: Option<Vec<f64>> = coverages.into_iter().collect();
    known?.into_iter().reduce(f64::min)
}

/// Returns whether that coverage is enough for an energy to be known.
pub fn is_enough(coverage: f64) -> bool {
    coverage >= KNOWN_FROM
}

/// Returns whether power windows cover enough of a span entry for its energy to be known.
pub fn is_covered_by_windows(covered_ns: i64, length_ns: i64) -> bool {
    covered_ns as f64 >= length_ns as f64 * WINDOWS_KNOWN_FROM
}

/// Returns whether reports must contain that coverage.
pub fn is_reported(coverage: Option<f64>) -> bool {
    coverage.is_some_and(|coverage| coverage < REPORTED_BELOW)
}

/// Returns the sum, or `None` if a part is unknown or there are no parts.
pub fn sum_known(parts: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let mut total = None;
    for part in parts {
        total = Some(total.unwrap_or(0.0) + part?);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(duration_ns: i64, covered_ns: i64, measured_j: f64) -> RailInterval {
        let missing = (duration_ns - covered_ns) as f64;
        RailInterval {
            duration_ns,
            covered_ns: Some(covered_ns),
            measured_j: (covered_ns > 0).then_some(measured_j),
            idle_j: (covered_ns > 0).then_some(covered_ns as f64),
            extrapolated_j: Some(missing * 2.0),
            gap_j: Some(missing.sqrt()),
            edge_j: Some(0.0),
            ends_j: None,
        }
    }

    fn sum(rails: &[RailInterval]) -> IntervalEnergy {
        IntervalEnergy::over_rails(rails)
    }

    #[test]
    fn energy_is_unknown_if_less_than_half_is_covered() {
        let known = sum(&[interval(100, 50, 100.0)]);
        assert_eq!(known.energy_j, Some(200.0));
        assert_eq!(known.coverage, Some(0.5));
        assert_eq!(known.insufficient_coverage, None);
        let unknown = sum(&[interval(100, 49, 98.0)]);
        assert_eq!((unknown.energy_j, unknown.measured_j), (None, Some(98.0)));
        assert_eq!((unknown.lo_j, unknown.idle_j), (None, None));
        assert_eq!(unknown.insufficient_coverage, Some(0.49));
    }

    #[test]
    fn energy_is_unknown_if_that_of_a_rail_is() {
        let unknown = RailInterval {
            measured_j: None,
            ..interval(100, 100, 1.0)
        };
        let sum = sum(&[interval(100, 100, 1.0), unknown]);
        assert_eq!((sum.energy_j, sum.measured_j), (None, None));
    }

    #[test]
    fn coverage_of_a_sum_is_that_of_its_least_covered_rail() {
        let least = sum(&[interval(100, 90, 1.0), interval(100, 60, 1.0)]);
        assert_eq!(least.coverage, Some(0.6));
        let unknown = RailInterval {
            covered_ns: None,
            ..interval(100, 90, 1.0)
        };
        assert_eq!(sum(&[unknown]).energy_j, Some(1.0));
        assert_eq!(sum(&[unknown, interval(100, 60, 1.0)]).coverage, None);
        let low = sum(&[unknown, interval(100, 40, 1.0)]);
        assert_eq!((low.coverage, low.energy_j), (None, None));
        assert_eq!(low.insufficient_coverage, Some(0.4));
    }

    #[test]
    fn idle_energy_covers_the_same_time_as_the_energy() {
        let part = sum(&[interval(100, 60, 1.0)]);
        assert_eq!(part.idle_j, Some(100.0));
        let parts = [
            interval(100, 50, 5.0),
            interval(40, 0, 0.0),
            interval(60, 60, 6.0),
        ];
        let merged = RailInterval::over_time(&parts);
        assert_eq!((merged.duration_ns, merged.covered_ns), (200, Some(110)));
        let whole = sum(&[merged]);
        assert!(
            (whole.idle_j.unwrap_or_default() - 200.0).abs() < 1e-9,
            "{whole:?}"
        );
        assert_eq!(whole.energy_j, Some(11.0 + 2.0 * 90.0));
    }

    #[test]
    fn time_without_a_gap_has_no_interval() {
        let whole = sum(&[interval(100, 100, 1.0)]);
        assert_eq!((whole.lo_j, whole.coverage), (None, Some(1.0)));
    }

    #[test]
    fn errors_add_in_squares_over_time_and_linearly_over_rails() {
        let merged = RailInterval::over_time(&[interval(100, 91, 1.0), interval(100, 84, 1.0)]);
        assert_eq!(merged.gap_j, Some(5.0));
        let rails = sum(&[merged, merged]);
        let half = rails.hi_j.zip(rails.lo_j).map(|(hi, lo)| (hi - lo) / 2.0);
        assert!((half.unwrap_or_default() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn windows_must_cover_99_percent_of_a_span_entry() {
        assert!(is_covered_by_windows(99, 100) && !is_covered_by_windows(98, 100));
        assert!(is_covered_by_windows(0, 0));
    }

    #[test]
    fn one_unknown_part_makes_the_sum_unknown() {
        assert_eq!(sum_known([Some(1.0), Some(2.0)]), Some(3.0));
        assert_eq!(sum_known([Some(1.0), None]), None);
        assert_eq!(sum_known([]), None);
    }
}
