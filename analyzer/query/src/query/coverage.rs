//! Coverage of time by samples, and the extrapolation of energy over gaps.
//!
//! ```text
//! time        |-------------------------------------|
//! samples     |=======|      gap      |=============|
//! energy_j      measured + extrapolated + measured      coverage >= 50 %
//!               unknown, with the reason                coverage <  50 %
//! ```
//!
//! Energy in gaps cannot be negative, so the lower end of an interval is at least the
//! measured energy. The coverage of a sum over rails is that of its least covered rail.
//! Attributions without coverage show their measured energies.

use super::{Recording, Run, sum_known};
use crate::error::Result;
use crate::format::percent;

/// Minimum coverage for an energy to be known.
pub const KNOWN_FROM: f64 = 0.5;
/// Coverage below which every view reports it.
pub const REPORTED_BELOW: f64 = 0.98;

/// Energy measured by one rail in an interval, and the estimate for its gaps.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) duration_ns: i64,
    pub(super) covered_ns: Option<i64>,
    pub(super) measured_j: Option<f64>,
    pub(super) idle_j: Option<f64>,
    pub(super) extrapolated_j: Option<f64>,
    pub(super) gap_j: Option<f64>,
    pub(super) edge_j: Option<f64>,
    /// Ends of the energy's 90 % interval, which include windows across the edges of the
    /// time interval; only for a single interval.
    pub(super) ends_j: Option<(f64, f64)>,
}

/// An energy over one or several rails.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CoveredEnergy {
    pub(super) coverage: Option<f64>,
    pub(super) measured_j: Option<f64>,
    pub(super) extrapolated_j: Option<f64>,
    pub(super) energy_j: Option<f64>,
    pub(super) idle_j: Option<f64>,
    pub(super) active_j: Option<f64>,
    pub(super) lo_j: Option<f64>,
    pub(super) hi_j: Option<f64>,
    pub(super) reason: Option<String>,
}

impl Reading {
    fn coverage(&self) -> Option<f64> {
        coverage(self.covered_ns?, self.duration_ns)
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

/// Merges the readings of consecutive intervals on one rail.
pub(super) fn over_time(parts: &[Reading]) -> Reading {
    let filled = || parts.iter().filter(|part| !part.is_empty());
    let all = |of: fn(&Reading) -> Option<f64>| sum_known(filled().map(of));
    let is_sampled = |part: &&Reading| part.covered_ns != Some(0);
    let sampled = || filled().filter(is_sampled);
    let duration_ns = parts.iter().map(|part| part.duration_ns).sum();
    let sampled_ns: i64 = sampled().map(|part| part.duration_ns).sum();
    let covered_ns = filled().map(|part| part.covered_ns).sum::<Option<i64>>();
    // Idle power continues in parts without samples; a reading stores it per covered time.
    let idle_j = sum_known(sampled().map(Reading::whole_idle));
    let per_covered = match covered_ns {
        Some(covered) if covered < duration_ns => covered as f64 / sampled_ns as f64,
        _ => 1.0,
    };
    let squares = sum_known(filled().map(|part| part.gap_j.map(|half| half * half)));
    Reading {
        duration_ns,
        covered_ns,
        measured_j: sum_known(sampled().map(|part| part.measured_j)),
        idle_j: idle_j.map(|idle| idle * per_covered),
        extrapolated_j: all(Reading::extrapolated),
        gap_j: squares.map(f64::sqrt),
        edge_j: all(|part| part.edge_j),
        ends_j: None,
    }
}

/// Sums rails. Gaps of rails mostly coincide, so the half-widths of their intervals add.
pub(super) fn over_rails(rails: &[Reading]) -> CoveredEnergy {
    let all = |of: fn(&Reading) -> Option<f64>| sum_known(rails.iter().map(of));
    let coverage = sum_of_coverages(rails);
    let measured_j = all(|rail| rail.measured_j);
    let extrapolated_j = all(Reading::extrapolated);
    let reason = missing(coverage);
    let is_known = |_: &f64| reason.is_none();
    let whole_j = measured_j.zip(extrapolated_j).map(|(m, e)| m + e);
    let energy_j = whole_j.filter(is_known);
    let ends = energy_j.filter(|_| rails.iter().any(Reading::has_gap));
    let ends = ends.and_then(|energy| stored_ends(rails).or_else(|| ends_of_sum(rails, energy)));
    CoveredEnergy {
        coverage,
        measured_j,
        extrapolated_j: extrapolated_j.filter(is_known),
        energy_j,
        idle_j: all(Reading::whole_idle).filter(is_known),
        active_j: all(Reading::active).filter(is_known),
        lo_j: ends.map(|(lo, _)| lo),
        hi_j: ends.map(|(_, hi)| hi),
        reason,
    }
}

/// Returns the stored interval of a single time interval.
fn stored_ends(rails: &[Reading]) -> Option<(f64, f64)> {
    let ends = |of: fn((f64, f64)) -> f64| sum_known(rails.iter().map(|rail| rail.ends_j.map(of)));
    ends(|ends| ends.0).zip(ends(|ends| ends.1))
}

/// Returns the interval of a sum of time intervals, in which energy that windows moved
/// between them cancels.
fn ends_of_sum(rails: &[Reading], energy_j: f64) -> Option<(f64, f64)> {
    let all = |of: fn(&Reading) -> Option<f64>| sum_known(rails.iter().map(of));
    let half = all(|rail| rail.gap_j)?;
    let edge = all(|rail| rail.edge_j).unwrap_or(0.0);
    let least = energy_j - all(Reading::extrapolated)?.max(0.0);
    let lo = (energy_j - half).max(least) + edge.min(0.0);
    Some((lo, energy_j + edge.max(0.0) + half))
}

fn sum_of_coverages(rails: &[Reading]) -> Option<f64> {
    let filled = rails.iter().filter(|rail| !rail.is_empty());
    least(filled.map(Reading::coverage))
}

/// Returns the smallest coverage, or `None` if one is unknown.
pub(super) fn least(coverages: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let known: Option<Vec<f64>> = coverages.into_iter().collect();
    known?.into_iter().reduce(f64::min)
}

/// Returns the share of a duration that samples cover, or `None` if the duration is 0.
pub fn coverage(covered_ns: i64, duration_ns: i64) -> Option<f64> {
    let share = covered_ns as f64 / duration_ns as f64;
    (duration_ns > 0).then(|| share.clamp(0.0, 1.0))
}

/// Returns why an energy with that coverage is unknown, or `None` if it is known.
pub(super) fn missing(coverage: Option<f64>) -> Option<String> {
    let coverage = coverage.filter(|coverage| *coverage < KNOWN_FROM)?;
    Some(format!(
        "samples cover {} of it, {} are needed",
        percent(Some(coverage)),
        percent(Some(KNOWN_FROM))
    ))
}

/// Returns whether views must report that coverage.
pub fn is_reported(coverage: Option<f64>) -> bool {
    coverage.is_some_and(|coverage| coverage < REPORTED_BELOW)
}

/// Reads the share of the run's time that samples of every root rail cover, if known.
///
/// # Errors
/// If the file cannot be read.
pub fn run_coverage(recording: &Recording, run: &Run) -> Result<Option<f64>> {
    let sql = "SELECT CASE WHEN count(b.covered_ns) = count(*)
                           THEN min(b.covered_ns * 1.0 / nullif(b.duration_ns, 0)) END
               FROM balance b
               JOIN rails l ON l.run = b.run AND l.id = b.rail AND l.parent IS NULL
               WHERE b.run = ?1 AND b.attribution = ?2";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let least: Option<f64> = statement.query_row((run.no, run.attribution), |r| r.get(0))?;
    Ok(least.map(|share| share.clamp(0.0, 1.0)))
}

/// Returns the note about low coverage, if it must be reported.
pub fn coverage_note(coverage: Option<f64>) -> Option<String> {
    is_reported(coverage).then(|| {
        format!(
            "Samples cover {} of the time: totals are extrapolated, spans are not.",
            percent(coverage)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(duration_ns: i64, covered_ns: i64, measured_j: f64) -> Reading {
        let missing = (duration_ns - covered_ns) as f64;
        Reading {
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

    #[test]
    fn energy_is_unknown_if_less_than_half_is_covered() {
        let known = over_rails(&[reading(100, 50, 100.0)]);
        assert_eq!(known.energy_j, Some(200.0));
        assert_eq!((known.coverage, known.reason), (Some(0.5), None));
        let unknown = over_rails(&[reading(100, 49, 98.0)]);
        assert_eq!((unknown.energy_j, unknown.measured_j), (None, Some(98.0)));
        assert_eq!((unknown.lo_j, unknown.idle_j), (None, None));
        assert!(unknown.reason.is_some_and(|text| text.contains("49.0 %")));
    }

    #[test]
    fn coverage_of_a_sum_is_that_of_its_least_covered_rail() {
        let sum = over_rails(&[reading(100, 90, 1.0), reading(100, 60, 1.0)]);
        assert_eq!(sum.coverage, Some(0.6));
        let unknown = Reading {
            covered_ns: None,
            ..reading(100, 90, 1.0)
        };
        assert_eq!(over_rails(&[unknown]).energy_j, Some(1.0));
        assert_eq!(over_rails(&[unknown, reading(100, 60, 1.0)]).coverage, None);
    }

    #[test]
    fn idle_energy_covers_the_same_time_as_the_energy() {
        let part = over_rails(&[reading(100, 60, 1.0)]);
        assert_eq!(part.idle_j, Some(100.0));
        let parts = [
            reading(100, 50, 5.0),
            reading(40, 0, 0.0),
            reading(60, 60, 6.0),
        ];
        let sum = over_time(&parts);
        assert_eq!((sum.duration_ns, sum.covered_ns), (200, Some(110)));
        let whole = over_rails(&[sum]);
        assert!(
            (whole.idle_j.unwrap_or_default() - 200.0).abs() < 1e-9,
            "{whole:?}"
        );
        assert_eq!(whole.energy_j, Some(11.0 + 2.0 * 90.0));
    }

    #[test]
    fn time_without_a_gap_has_no_interval() {
        let whole = over_rails(&[reading(100, 100, 1.0)]);
        assert_eq!((whole.lo_j, whole.coverage), (None, Some(1.0)));
    }

    #[test]
    fn errors_add_in_squares_over_time_and_linearly_over_rails() {
        let sum = over_time(&[reading(100, 91, 1.0), reading(100, 84, 1.0)]);
        assert_eq!(sum.gap_j, Some(5.0));
        let rails = over_rails(&[sum, sum]);
        let half = rails.hi_j.zip(rails.lo_j).map(|(hi, lo)| (hi - lo) / 2.0);
        assert!((half.unwrap_or_default() - 10.0).abs() < 1e-9);
    }
}
