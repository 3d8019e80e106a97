//! Difference of two sides and its error.

use super::sample::{ComparisonOptions, RunSample, logarithms};
use super::sessions::{SessionLayout, arrange};
use crate::moments::{mean, variance};
use crate::student::{quantile_of_two_tails, two_tails};

/// Estimate of the logarithm of the ratio of two sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Contrast {
    /// Logarithm of the ratio, other over base.
    pub(super) ln_ratio: f64,
    /// Its error, including sessions; `None` if a side has one sample.
    pub(super) error: Option<StandardError>,
    /// Its error from the runs alone.
    within: Option<StandardError>,
    pub(super) layout: SessionLayout,
    /// Independent samples of base and other: runs, or sessions.
    pub(super) samples: [usize; 2],
}

/// A standard error and its degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct StandardError {
    pub(super) se: f64,
    pub(super) df: f64,
}

/// Compares two sides; returns `None` if one has no samples, or values without a logarithm.
pub(super) fn contrast(
    base: &[RunSample],
    other: &[RunSample],
    options: &ComparisonOptions,
) -> Option<Contrast> {
    let sides = [base, other];
    let arranged = arrange(sides, [logarithms(base)?, logarithms(other)?], options);
    let (one, two) = (&arranged.base, &arranged.other);
    Some(Contrast {
        ln_ratio: mean(two)? - mean(one)?,
        error: error(one, two, arranged.offsets * options.session_sd.powi(2)),
        within: error(one, two, 0.0),
        layout: arranged.layout,
        samples: [one.len(), two.len()],
    })
}

/// Returns Welch's error: variances of the two means add, with Satterthwaite's degrees of
/// freedom. The variance between sessions is assumed, not estimated, and therefore does not
/// reduce these.
fn error(one: &[f64], two: &[f64], between_sessions: f64) -> Option<StandardError> {
    let parts = [one, two].map(|side| Some((variance(side)? / side.len() as f64, side.len())));
    let [Some(a), Some(b)] = parts else {
        return None;
    };
    let whole = a.0 + b.0 + between_sessions;
    let lost = |(part, runs): (f64, usize)| part * part / (runs - 1) as f64;
    let df = match lost(a) + lost(b) {
        // Identical runs contain no information on the spread.
        0.0 => (one.len() + two.len() - 2) as f64,
        lost => whole * whole / lost,
    };
    Some(StandardError {
        se: whole.sqrt(),
        df,
    })
}

impl Contrast {
    /// Returns the probability of a difference at least as large between equal sides.
    pub(super) fn p(&self) -> Option<f64> {
        let of = |error: StandardError| error.p(self.ln_ratio);
        Some(of(self.error?).max(of(self.within?)))
    }

    /// Returns the interval of the logarithm with error rate `alpha`.
    pub(super) fn interval(&self, alpha: f64) -> Option<(f64, f64)> {
        let half = self.half(alpha)?;
        Some((self.ln_ratio - half, self.ln_ratio + half))
    }

    /// Returns the smallest difference, as a logarithm, that four of five such comparisons
    /// would find.
    pub(super) fn detectable(&self, alpha: f64) -> Option<f64> {
        Some(self.half(alpha)? + self.half(2.0 * (1.0 - POWER))?)
    }

    /// Returns half the width of an interval with error rate `alpha`. The assumed variance
    /// between sessions counts as known, which increases the degrees of freedom: without the
    /// maximum, sides in separate sessions could have a narrower interval than interleaved
    /// ones.
    fn half(&self, alpha: f64) -> Option<f64> {
        Some(self.error?.half(alpha).max(self.within?.half(alpha)))
    }
}

/// Statistical power at which a difference is called detectable.
const POWER: f64 = 0.8;

impl StandardError {
    fn p(&self, ln_ratio: f64) -> f64 {
        match self.se {
            0.0 if ln_ratio == 0.0 => 1.0,
            0.0 => 0.0,
            se => two_tails(ln_ratio / se, self.df),
        }
    }

    fn half(&self, alpha: f64) -> f64 {
        match self.se {
            0.0 => 0.0,
            se => se * quantile_of_two_tails(alpha, self.df),
        }
    }
}
