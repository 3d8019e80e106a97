//! Do samples cover as much of both sides that a difference of energies is one of the
//! programs?
//!
//! ```text
//! coverage A   coverage B
//! 100 %        98 %          compared
//! 100 %        60 %          undecided: what is extrapolated is an assumption
//! 100 %        90 %          undecided: a gap may lie where the other side was busy
//! ```

use super::stats::{Comparison, Reason};
use super::{Figures, Part};
use crate::format::percent;

/// Coverage that a side must have.
const LEAST: f64 = 0.8;
/// By how much the coverage of two sides may differ.
const APART: f64 = 0.05;
/// Differences that are rounding.
const ROUNDING: f64 = 1e-9;

/// Coverage of each side: the mean of its runs; none where a run does not know its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Coverages(Vec<Option<f64>>);

impl Coverages {
    pub(super) fn of(figures: &[Vec<Figures>]) -> Self {
        let mean = |side: &Vec<Figures>| {
            let all: Option<Vec<f64>> = side.iter().map(|run| run.coverage).collect();
            let all = all.filter(|all| !all.is_empty())?;
            Some(all.iter().sum::<f64>() / all.len() as f64)
        };
        Self(figures.iter().map(mean).collect())
    }

    pub(super) fn side(&self, at: usize) -> Option<f64> {
        self.0.get(at).copied().flatten()
    }

    /// Whether that side and the first one may be given a verdict.
    pub(super) fn allow(&self, side: usize) -> bool {
        let (base, other) = (self.side(0), self.side(side));
        let is_enough = |of: &f64| *of >= LEAST - ROUNDING;
        let apart = base.zip(other).map_or(0.0, |(a, b)| (a - b).abs());
        base.iter().chain(&other).all(is_enough) && apart <= APART + ROUNDING
    }

    /// Whether every side may be given a verdict.
    pub(super) fn allow_all(&self) -> bool {
        (1..self.0.len()).all(|side| self.allow(side))
    }

    /// Takes back the verdict of a side that may have none.
    pub(super) fn judge(&self, side: usize, comparison: Comparison) -> Comparison {
        match self.allow(side) {
            true => comparison,
            false => comparison.undecided(Reason::Coverage),
        }
    }

    /// As [`Coverages::judge`] of parts; `at_of` gives the place of a side's label.
    pub(super) fn judge_parts(
        &self,
        mut parts: Vec<Part>,
        at_of: impl Fn(&str) -> Option<usize>,
    ) -> Vec<Part> {
        for part in &mut parts {
            if let Some(side) = at_of(part.side) {
                part.comparison = self.judge(side, part.comparison);
            }
        }
        parts
    }

    /// Why there is no verdict on that side, for people.
    pub(super) fn sentence(&self, side: usize, label: &str) -> Option<String> {
        (!self.allow(side)).then(|| {
            format!(
                "{label}: undecided: coverage. Samples cover {} of the time of A and {} of {label}; \
                 {} of each are needed, and at most {} between them.",
                percent(self.side(0)),
                percent(self.side(side)),
                percent(Some(LEAST)),
                percent(Some(APART)),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Coverages;

    #[test]
    fn sides_need_four_fifths_and_at_most_five_points_between_them() {
        let allow = |a: Option<f64>, b: Option<f64>| Coverages(vec![a, b]).allow(1);
        assert!(allow(Some(1.0), Some(0.95)) && allow(Some(0.8), Some(0.8)));
        assert!(!allow(Some(1.0), Some(0.94)) && !allow(Some(0.79), Some(0.79)));
        assert!(!allow(Some(0.6), Some(1.0)) && !allow(None, Some(0.5)));
        assert!(allow(None, None), "what is not known is no gap");
    }
}
