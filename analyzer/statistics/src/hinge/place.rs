//! The place of a hinge and its interval.

use nalgebra::DVector;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::design::HingeDesign;
use super::result::{Hinge, SlopeChange};
use crate::estimate::IntervalEstimate;
use crate::moments::quantile;

/// Returns the best hinge, and the standard deviation about it in units of the errors.
///
/// The interval contains each place whose excess of squares over the best place, relative to the
/// squares of the best, is within the quantile of what hinges at the best place have.
pub(super) fn place(
    design: &HingeDesign,
    values: &[f64],
    confidence: f64,
    replicates: usize,
    random: &mut ChaCha8Rng,
) -> Option<(Hinge, f64)> {
    let residuals = design.residuals(values);
    let squares = squares(design, &residuals);
    let best = squares.imin();
    let df = design.x.len().checked_sub(4)?.max(1);
    let sd = (squares[best].max(0.0) / df as f64).sqrt();
    let fitted = design.fitted(values, best);
    let truth = design.whiten(&fitted);
    let mut simulate = || {
        let noise = design.noise(|| StandardNormal.sample(random));
        let simulated: Vec<f64> = truth.iter().zip(noise).map(|(t, e)| t + sd * e).collect();
        let residuals = design.residuals_of_whitened(&simulated);
        excess(&self::squares(design, &residuals), best)
    };
    let simulated: Vec<f64> = (0..replicates).map(|_| simulate()).collect();
    let critical = quantile(&simulated, confidence).unwrap_or(f64::MAX);
    let within: Vec<usize> = (0..squares.len())
        .filter(|at| *at == best || excess(&squares, *at) <= critical)
        .collect();
    let (first, last) = (*within.first()?, *within.last()?);
    let inner = |at: usize, edge: usize| (at != edge).then(|| design.places[at]);
    let hinge = Hinge {
        place: IntervalEstimate {
            value: design.places[best],
            lo: inner(first, 0),
            hi: inner(last, squares.len() - 1),
            confidence,
        },
        ..shape(design, &fitted, best)
    };
    Some((hinge, sd))
}

/// Returns the squares of residuals of the hinge at each place.
fn squares(design: &HingeDesign, residuals: &DVector<f64>) -> DVector<f64> {
    let line = residuals.norm_squared();
    design
        .reductions(residuals)
        .map(|reduction| (line - reduction).max(0.0))
}

fn excess(squares: &DVector<f64>, at: usize) -> f64 {
    let least = squares.min().max(f64::MIN_POSITIVE);
    (squares[at] - least) / least
}

/// Returns slopes and value of a fitted hinge; two contexts are on each side of its place.
fn shape(design: &HingeDesign, fitted: &[f64], best: usize) -> Hinge {
    let x = &design.x;
    let slope = |a: usize, b: usize| (fitted[b] - fitted[a]) / (x[b] - x[a]);
    let last = x.len() - 1;
    let (before, after) = (slope(0, 1), slope(last - 1, last));
    let place = design.places[best];
    Hinge {
        place: IntervalEstimate {
            value: place,
            lo: None,
            hi: None,
            confidence: 0.0,
        },
        value: fitted[0] + before * (place - x[0]),
        slope_before: before,
        slope_after: after,
        change: match after > before {
            true => SlopeChange::Increases,
            false => SlopeChange::Decreases,
        },
    }
}
