//! Checks whether samples cover enough of both sides to attribute a difference of energies to
//! the programs.
//!
//! ```text
//! coverage A   coverage B
//! 100 %        98 %          compared
//! 100 %        60 %          undecided: extrapolated energy is an assumption
//! 100 %        90 %          undecided: a gap may lie where the other side was busy
//! ```

use super::{ComparedPart, RunEnergies};
use crate::format::percent;
use energy_statistics::compare::{Comparison, Reason};

/// Minimum coverage of a side.
const MIN_COVERAGE: f64 = 0.8;
/// Maximum difference between the coverage of two sides.
const MAX_DIFFERENCE: f64 = 0.05;
/// Tolerance for rounding.
const ROUNDING: f64 = 1e-9;

/// Coverage of each side: the mean of its runs; `None` if a run's coverage is unknown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Coverages(Vec<Option<f64>>);

impl Coverages {
    pub(super) fn new(figures: &[Vec<RunEnergies>]) -> Self {
        let mean = |side: &Vec<RunEnergies>| {
            let all: Option<Vec<f64>> = side.iter().map(|run| run.coverage).collect();
            let all = all.filter(|all| !all.is_empty())?;
            Some(all.iter().sum::<f64>() / all.len() as f64)
        };
        Self(figures.iter().map(mean).collect())
    }

    pub(super) fn side(&self, at: usize) -> Option<f64> {
        self.0.get(at).copied().flatten()
    }

    /// Returns whether the comparison of `side` with the first side may have a verdict.
    pub(super) fn allow(&self, side: usize) -> bool {
        let (base, other) = (self.side(0), self.side(side));
        let is_enough = |of: &f64| *of >= MIN_COVERAGE - ROUNDING;
        let apart = base.zip(other).map_or(0.0, |(a, b)| (a - b).abs());
        base.iter().chain(&other).all(is_enough) && apart <= MAX_DIFFERENCE + ROUNDING
    }

    /// Returns whether every side may have a verdict.
    pub(super) fn allow_all(&self) -> bool {
        (1..self.0.len()).all(|side| self.allow(side))
    }

    /// Removes the verdict of a side that may not have one.
    pub(super) fn judge(&self, side: usize, comparison: Comparison) -> Comparison {
        match self.allow(side) {
            true => comparison,
            false => comparison.undecided(Reason::Coverage),
        }
    }

    /// Applies [`Coverages::judge`] to parts; `at_of` returns the index of a side by label.
    pub(super) fn judge_parts(
        &self,
        mut parts: Vec<ComparedPart>,
        at_of: impl Fn(&str) -> Option<usize>,
    ) -> Vec<ComparedPart> {
        for part in &mut parts {
            if let Some(side) = at_of(part.side) {
                part.comparison = self.judge(side, part.comparison);
            }
        }
        parts
    }

    /// Explains why `side` has no verdict.
    pub(super) fn sentence(&self, side: usize, label: &str) -> Option<String> {
        (!self.allow(side)).then(|| {
            format!(
                "{label}: undecided: coverage. Samples cover {} of the time of A and {} of {label}; \
                 {} of each are needed, and at most {} between them.",
                percent(self.side(0)),
                percent(self.side(side)),
                percent(Some(MIN_COVERAGE)),
                percent(Some(MAX_DIFFERENCE)),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Coverages;

    #[test]
    fn sides_need_80_percent_coverage_and_at_most_5_points_difference() {
        let allow = |a: Option<f64>, b: Option<f64>| Coverages(vec![a, b]).allow(1);
        assert!(allow(Some(1.0), Some(0.95)) && allow(Some(0.8), Some(0.8)));
        assert!(!allow(Some(1.0), Some(0.94)) && !allow(Some(0.79), Some(0.79)));
        assert!(!allow(Some(0.6), Some(1.0)) && !allow(None, Some(0.5)));
        assert!(allow(None, None), "unknown coverage is not a gap");
    }
}
