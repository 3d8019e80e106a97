//! The line, the hinges, and their residuals in units of the errors.

use nalgebra::{DMatrix, DVector};

use super::weights::ContextErrors;

/// Candidate places between two neighbouring contexts, at most.
const MAX_STEPS: usize = 8;
/// Candidate places of all, about; each is tested.
const PLACES: usize = 96;

/// Columns of the line and of all hinges, divided by the errors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HingeDesign {
    /// Contexts, ascending.
    pub(super) x: Vec<f64>,
    /// Sizes of the errors.
    pub(super) scale: Vec<f64>,
    /// Candidate places, ascending.
    pub(super) places: Vec<f64>,
    /// Orthonormal basis of lines.
    basis: DMatrix<f64>,
    /// For each place, the part of its hinge that is orthogonal to lines, of length one.
    directions: DMatrix<f64>,
}

impl HingeDesign {
    /// Prepares all places with two contexts at or below them and two above; returns `None` if
    /// numbers are not finite.
    pub(super) fn of(errors: &ContextErrors) -> Option<Self> {
        let (x, scale) = (&errors.x, &errors.scale);
        let column = |of: &dyn Fn(f64) -> f64| {
            let whitened = x.iter().zip(scale).map(|(x, scale)| of(*x) / scale);
            DVector::from_iterator(x.len(), whitened)
        };
        let span = x.last()? - x.first()?;
        let first = column(&|_| 1.0).normalize();
        let slope = column(&|at| (at - x[0]) / span);
        let second = (&slope - &first * first.dot(&slope)).normalize();
        let basis = DMatrix::from_columns(&[first, second]);
        let places = places(x);
        let direction = |place: &f64| {
            let hinge = column(&|at| ((at - place) / span).max(0.0));
            let inner = basis.transpose() * &hinge;
            (&hinge - &basis * inner).normalize()
        };
        let directions: Vec<_> = places.iter().map(direction).collect();
        let directions = DMatrix::from_columns(&directions);
        let numbers = directions.iter().chain(basis.iter());
        let is_finite = numbers.chain(scale).all(|number| number.is_finite());
        is_finite.then(|| Self {
            x: x.clone(),
            scale: scale.clone(),
            places,
            basis,
            directions,
        })
    }

    /// Returns values divided by their errors.
    pub(super) fn whiten(&self, values: &[f64]) -> Vec<f64> {
        let whitened = values.iter().zip(&self.scale);
        whitened.map(|(value, scale)| value / scale).collect()
    }

    /// Returns one random number for each context.
    pub(super) fn noise(&self, mut draw: impl FnMut() -> f64) -> Vec<f64> {
        self.x.iter().map(|_| draw()).collect()
    }

    /// Returns the residuals of the line, in units of the errors.
    pub(super) fn residuals(&self, values: &[f64]) -> DVector<f64> {
        self.residuals_of_whitened(&self.whiten(values))
    }

    /// Returns the residuals of the line of values that are divided by their errors.
    pub(super) fn residuals_of_whitened(&self, whitened: &[f64]) -> DVector<f64> {
        let values = DVector::from_column_slice(whitened);
        let inner = self.basis.transpose() * &values;
        values - &self.basis * inner
    }

    /// Returns by how much the hinge at each place reduces the squares of residuals of the line.
    pub(super) fn reductions(&self, residuals: &DVector<f64>) -> DVector<f64> {
        self.directions.tr_mul(residuals).map(|one| one * one)
    }

    /// Returns the largest ratio of the reduction to the remaining squares; F is proportional.
    pub(super) fn largest_ratio(&self, residuals: &DVector<f64>) -> f64 {
        let largest = self.reductions(residuals).max();
        let remaining = (residuals.norm_squared() - largest).max(0.0);
        largest / remaining.max(f64::MIN_POSITIVE)
    }

    /// Returns intercept and slope of the line.
    pub(super) fn line(&self, values: &[f64]) -> [f64; 2] {
        let fitted = DVector::from_vec(self.whiten(values)) - self.residuals(values);
        let last = self.x.len() - 1;
        let [low, high] = [0, last].map(|at| fitted[at] * self.scale[at]);
        let slope = (high - low) / (self.x[last] - self.x[0]);
        [low - slope * self.x[0], slope]
    }

    /// Returns the values of the hinge at a place.
    pub(super) fn fitted(&self, values: &[f64], place: usize) -> Vec<f64> {
        let residuals = self.residuals(values);
        let direction = self.directions.column(place);
        let remaining = &residuals - direction * direction.dot(&residuals);
        let fitted = values.iter().zip(remaining.iter()).zip(&self.scale);
        fitted
            .map(|((value, rest), scale)| value - rest * scale)
            .collect()
    }
}

/// Returns candidate places from the second context to the last but two: contexts, and places between
/// them if there are few.
fn places(x: &[f64]) -> Vec<f64> {
    let inner = &x[1..x.len() - 2];
    let every = inner.len().div_ceil(PLACES);
    let steps = (PLACES / inner.len()).clamp(1, MAX_STEPS);
    let mut places = Vec::new();
    let kept: Vec<f64> = inner.iter().copied().step_by(every).collect();
    for pair in kept.windows(2) {
        let step = (pair[1] - pair[0]) / steps as f64;
        places.extend((0..steps).map(|at| pair[0] + at as f64 * step));
    }
    places.extend(kept.last());
    places
}
