//! The place of a hinge and its interval.

use nalgebra::DVector;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::design::HingeDesign;
use super::result::{Hinge, SlopeChange};
use crate::estimate::IntervalEstimate;
use crate::moments::quantile;

/// Number of simulated sweeps for each place that is tested.
const REPLICATES: usize = 299;

/// Returns the best hinge, and the standard deviation about it in units of the errors. The interval
/// grows from the best place to the first rejected one on each side.
pub(super) fn place(
    design: &HingeDesign,
    values: &[f64],
    confidence: f64,
    random: &mut ChaCha8Rng,
) -> Option<(Hinge, f64)> {
    let squares = squares(design, &design.residuals(values));
    let best = squares.imin();
    let df = design.x.len().checked_sub(4)?.max(1);
    let sd = (squares[best].max(0.0) / df as f64).sqrt();
    let mut is_accepted = |at: usize| {
        let limit = critical_excess(design, values, at, sd, confidence, random);
        excess(&squares, at) <= limit
    };
    let (mut first, mut last) = (best, best);
    while first > 0 && is_accepted(first - 1) {
        first -= 1;
    }
    while last + 1 < squares.len() && is_accepted(last + 1) {
        last += 1;
    }
    // The rejected neighbour bounds the interval: places between it and the last accepted one are
    // not tested. Without one, the contexts do not bound it.
    let lo = first.checked_sub(1).map(|at| design.places[at]);
    let hi = design.places.get(last + 1).copied();
    let place = IntervalEstimate {
        value: design.places[best],
        lo,
        hi,
        confidence,
    };
    Some((shape(design, &design.fitted(values, best), place), sd))
}

/// Returns the excess that sweeps with a hinge at a place stay below with the given confidence.
fn critical_excess(
    design: &HingeDesign,
    values: &[f64],
    at: usize,
    sd: f64,
    confidence: f64,
    random: &mut ChaCha8Rng,
) -> f64 {
    let truth = design.whiten(&design.fitted(values, at));
    let mut simulate = || {
        let noise = design.noise(|| StandardNormal.sample(random));
        let simulated: Vec<f64> = truth.iter().zip(noise).map(|(t, e)| t + sd * e).collect();
        let residuals = design.residuals_of_whitened(&simulated);
        excess(&squares(design, &residuals), at)
    };
    let simulated: Vec<f64> = (0..REPLICATES).map(|_| simulate()).collect();
    quantile(&simulated, confidence).unwrap_or(f64::MAX)
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
fn shape(design: &HingeDesign, fitted: &[f64], place: IntervalEstimate) -> Hinge {
    let x = &design.x;
    let slope = |a: usize, b: usize| (fitted[b] - fitted[a]) / (x[b] - x[a]);
    let last = x.len() - 1;
    let (before, after) = (slope(0, 1), slope(last - 1, last));
    Hinge {
        place,
        value: fitted[0] + before * (place.value - x[0]),
        slope_before: before,
        slope_after: after,
        change: match after > before {
            true => SlopeChange::Increases,
            false => SlopeChange::Decreases,
        },
    }
}
