//! Fit of the energy model to logarithms.

use super::energy_model::{Terms, units};
use super::normal_equations::{NormalEquations, RowSpace};
use super::workload::{MeanEnergy, Workload};
use crate::not_estimable::NotEstimable;

/// Number of steps of Gauss and Newton.
const STEPS: usize = 8;
/// Largest distance of a prediction from its measured value, as a logarithm, at which a step is
/// linear.
const MAX_LN_DISTANCE: f64 = 3.0;

/// A fitted energy model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FittedModel {
    /// Whether pairs of prompt tokens are a term.
    pub(super) has_pairs: bool,
    /// Units of each term that count as one.
    scale: Terms,
    /// Coefficients of scaled terms.
    pub(super) coefficients: Terms,
    /// Rows of the last step: scaled terms over the prediction, and the value that they approximate.
    pub(super) rows: Vec<(Terms, f64)>,
    /// Sums of the rows.
    pub(super) equations: NormalEquations,
}

/// Fits non-negative coefficients by the least squares of `ln(energy / prediction)`.
///
/// Each step solves a linear problem: near the prediction `f`, `ln y - ln f(b)` is
/// `1 + ln(y / f) - x b / f`.
pub(super) fn fit(energies: &[MeanEnergy], has_pairs: bool) -> Result<FittedModel, NotEstimable> {
    let terms = energies.iter().map(|one| units(&one.workload, has_pairs));
    let terms: Vec<Terms> = terms.collect();
    let ln: Vec<f64> = energies.iter().map(|one| one.ln_energy).collect();
    let mut scale = Terms::zeros();
    for (terms, ln) in terms.iter().zip(&ln) {
        let relative = terms * (-ln).exp();
        scale += relative.component_mul(&relative);
    }
    let scale = scale.map(|one| if one > 0.0 { one.sqrt() } else { 1.0 });
    let scaled: Vec<Terms> = terms.iter().map(|one| one.component_div(&scale)).collect();
    let mut levels = ln.clone();
    let mut model = FittedModel {
        has_pairs,
        scale,
        coefficients: Terms::zeros(),
        rows: Vec::new(),
        equations: NormalEquations::of(&[]),
    };
    for _ in 0..STEPS {
        let row = |at: usize| (scaled[at] * (-levels[at]).exp(), 1.0 + ln[at] - levels[at]);
        model.rows = (0..ln.len()).map(row).collect();
        model.equations = NormalEquations::of(&model.rows);
        model.coefficients = model.equations.non_negative();
        for (at, level) in levels.iter_mut().enumerate() {
            let predicted = scaled[at].dot(&model.coefficients).ln();
            let distance = predicted - ln[at];
            // Without a prediction, the logarithm is no number.
            let distance = if distance.is_nan() {
                -MAX_LN_DISTANCE
            } else {
                distance
            };
            let distance = distance.clamp(-MAX_LN_DISTANCE, MAX_LN_DISTANCE);
            *level = ln[at] + distance;
        }
    }
    let numbers = model.coefficients.iter().chain(&model.scale);
    match numbers.clone().all(|one| one.is_finite()) && model.coefficients.amax() > 0.0 {
        true => Ok(model),
        false => Err(NotEstimable::NotFinite),
    }
}

impl FittedModel {
    /// Returns the scaled terms of a workload.
    pub(super) fn scaled(&self, workload: &Workload) -> Terms {
        units(workload, self.has_pairs).component_div(&self.scale)
    }

    /// Returns the logarithm of the predicted energy.
    pub(super) fn ln_energy(&self, workload: &Workload) -> f64 {
        self.scaled(workload).dot(&self.coefficients).ln()
    }

    /// Returns joules for each unit of each term.
    pub(super) fn joules(&self) -> Terms {
        self.coefficients.component_div(&self.scale)
    }

    /// Returns the space of measured rows.
    pub(super) fn row_space(&self) -> RowSpace {
        self.equations.row_space()
    }
}
