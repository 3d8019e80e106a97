//! Jackknife+: predictions of each configuration from the others.

use super::energy_model::Terms;
use super::fit::FittedModel;
use super::normal_equations::RowSpace;
use super::workload::MeanEnergy;
use crate::moments::at_rank;

/// A row with a leverage below this is not needed to span the row space.
const NEEDED: f64 = 1.0 - 1e-6;

/// Fits that leave out one configuration each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Jackknife {
    fits: Vec<LeftOutFit>,
}

/// The fit without one configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
struct LeftOutFit {
    coefficients: Terms,
    space: RowSpace,
    /// Size of the error of the configuration that was left out, as a logarithm; infinite if the
    /// others do not determine it.
    error: f64,
}

impl LeftOutFit {
    /// Returns the logarithm of the prediction; `None` if it is not determined.
    fn ln_energy(&self, x: &Terms) -> Option<f64> {
        let ln = x.dot(&self.coefficients).ln();
        (self.space.contains(x) && ln.is_finite()).then_some(ln)
    }
}

impl Jackknife {
    /// Leaves out each configuration of a fitted model. Rows of the last step of the model are kept:
    /// one step of Gauss and Newton approximates the fit without a configuration.
    pub(super) fn of(model: &FittedModel, energies: &[MeanEnergy]) -> Self {
        let whole = model.row_space();
        let left_out = |(row, one): (&(Terms, f64), &MeanEnergy)| {
            let equations = model.equations.without(row);
            let mut fit = LeftOutFit {
                coefficients: equations.non_negative(),
                space: match whole.leverage(&row.0) < NEEDED {
                    true => whole,
                    false => equations.row_space(),
                },
                error: f64::INFINITY,
            };
            if let Some(ln) = fit.ln_energy(&model.scaled(&one.workload)) {
                fit.error = (one.ln_energy - ln).abs();
            }
            fit
        };
        Self {
            fits: model.rows.iter().zip(energies).map(left_out).collect(),
        }
    }

    /// Returns the mean size of the errors of the configurations that were left out, as logarithms;
    /// infinite if the others do not determine one.
    pub(super) fn mean_error(&self) -> f64 {
        let errors = self.fits.iter().map(|fit| fit.error);
        errors.sum::<f64>() / self.fits.len() as f64
    }

    /// Returns the ends of the interval of the logarithm for scaled terms; `None` where too few
    /// configurations bound it.
    pub(super) fn interval(&self, x: &Terms, confidence: f64) -> [Option<f64>; 2] {
        let predicted: Vec<(Option<f64>, f64)> = self
            .fits
            .iter()
            .map(|fit| (fit.ln_energy(x), fit.error))
            .collect();
        let end = |sign: f64| {
            let end =
                |(ln, error): &(Option<f64>, f64)| ln.map_or(f64::INFINITY, |ln| sign * ln + error);
            let mut ends: Vec<f64> = predicted.iter().map(end).collect();
            ends.sort_by(f64::total_cmp);
            let rank = confidence * (ends.len() + 1) as f64;
            at_rank(&ends, rank).map(|end| sign * end)
        };
        [end(-1.0), end(1.0)]
    }
}
