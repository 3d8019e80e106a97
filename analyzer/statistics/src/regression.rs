//! Power laws with several regressors: energy = a * layers^b * hidden^c * ...
//!
//! Models of one family grow in all dimensions at once. Their dimensions then go together, and
//! no data of such models separate their effects. The condition number of the standardised
//! logarithms measures it (Belsley, Kuh and Welsch 1980): with two regressors of correlation 0.98
//! it is ten, which is the limit here.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use serde::Serialize;

use crate::estimate::IntervalEstimate;
use crate::least_squares::least_squares;
use crate::moments::logarithms;
use crate::not_estimable::NotEstimable;
use crate::student::quantile_of_two_tails;

/// Fewest models with a multiple regression.
pub const MIN_MODELS: usize = 10;
/// Largest condition number at which effects are separable.
pub const MAX_CONDITION: f64 = 10.0;
/// Condition numbers are capped here, so that dependent regressors have a finite one.
const CONDITION_CAP: f64 = 1e6;
/// Smallest loading on the weakest direction that makes a regressor part of a dependence.
const MIN_LOADING: f64 = 0.3;
/// Smallest spread of logarithms that counts as a variation.
const MIN_SPREAD_LN: f64 = 1e-9;

/// A property of models: layers, hidden size, ...
#[derive(Debug, Clone, PartialEq)]
pub struct Regressor {
    /// Its name.
    pub name: String,
    /// Its value in each model.
    pub values: Vec<f64>,
}

/// The exponent of one regressor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegressorExponent {
    /// Name of the regressor.
    pub name: String,
    /// Its exponent, with the other regressors held fixed.
    pub exponent: IntervalEstimate,
}

/// A power law with several regressors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MultiplePowerLaw {
    /// Exponents, in the order of the regressors.
    pub exponents: Vec<RegressorExponent>,
    /// Standard deviation of models about the law, as a logarithm.
    pub residual_sd_ln: f64,
    /// Residual degrees of freedom.
    pub df: usize,
    /// Condition number of the standardised logarithms.
    pub condition: f64,
}

/// Checks whether the effects of regressors can be separated, and returns the condition number of
/// their standardised logarithms.
///
/// # Errors
///
/// Fewer than two models, regressors of different lengths, a value that is not positive, a
/// constant regressor, or a condition number above [`MAX_CONDITION`].
pub fn separability(regressors: &[Regressor]) -> Result<f64, NotEstimable> {
    let design = standardised(regressors)?;
    let eigen = SymmetricEigen::new(design.tr_mul(&design));
    let (largest, smallest) = (eigen.eigenvalues.max(), eigen.eigenvalues.min());
    let condition = match smallest > 0.0 {
        true => (largest / smallest).sqrt().min(CONDITION_CAP),
        false => CONDITION_CAP,
    };
    if condition <= MAX_CONDITION {
        return Ok(condition);
    }
    let weakest = eigen.eigenvectors.column(eigen.eigenvalues.imin());
    let loadings = regressors.iter().zip(weakest.iter());
    let loaded = loadings.filter(|(_, loading)| loading.abs() >= MIN_LOADING);
    Err(NotEstimable::Inseparable {
        of: loaded
            .map(|(regressor, _)| regressor.name.clone())
            .collect(),
        condition,
        limit: MAX_CONDITION,
    })
}

/// Fits exponents of several regressors to one value per model.
///
/// # Errors
///
/// Fewer than ten models, too few for the number of regressors, or what [`separability`] refuses.
pub fn multiple_power_law(
    regressors: &[Regressor],
    values: &[f64],
    confidence: f64,
) -> Result<MultiplePowerLaw, NotEstimable> {
    NotEstimable::check_confidence(confidence)?;
    NotEstimable::at_least(MIN_MODELS.max(regressors.len() + 3), values.len(), "models")?;
    let condition = separability(regressors)?;
    let mut design = DMatrix::from_element(values.len(), regressors.len() + 1, 1.0);
    for (at, regressor) in regressors.iter().enumerate() {
        let ln = centered(regressor, values.len())?;
        design.set_column(at + 1, &ln);
    }
    let y = DVector::from_vec(logarithms(values)?);
    let fit = least_squares(&design, &y).ok_or(NotEstimable::NotFinite)?;
    let variance = fit.variance().ok_or(NotEstimable::NotFinite)?;
    let t = quantile_of_two_tails(1.0 - confidence, fit.df as f64);
    let exponent = |(at, regressor): (usize, &Regressor)| {
        let error = (variance * fit.inverse_gram[(at + 1, at + 1)]).sqrt();
        RegressorExponent {
            name: regressor.name.clone(),
            exponent: IntervalEstimate::symmetric(fit.coefficients[at + 1], t * error, confidence),
        }
    };
    Ok(MultiplePowerLaw {
        exponents: regressors.iter().enumerate().map(exponent).collect(),
        residual_sd_ln: variance.sqrt(),
        df: fit.df,
        condition,
    })
}

/// Returns logarithms with mean zero; refuses a constant regressor.
fn centered(regressor: &Regressor, models: usize) -> Result<DVector<f64>, NotEstimable> {
    NotEstimable::at_least(models, regressor.values.len(), "values of a regressor")?;
    let ln = DVector::from_vec(logarithms(&regressor.values[..models])?);
    if ln.max() - ln.min() < MIN_SPREAD_LN {
        return Err(NotEstimable::NoVariance {
            of: regressor.name.clone(),
        });
    }
    Ok(ln.add_scalar(-ln.mean()))
}

fn standardised(regressors: &[Regressor]) -> Result<DMatrix<f64>, NotEstimable> {
    NotEstimable::at_least(1, regressors.len(), "regressors")?;
    let models = regressors[0].values.len();
    NotEstimable::at_least(2, models, "models")?;
    let mut columns = Vec::with_capacity(regressors.len());
    for regressor in regressors {
        let column = centered(regressor, models)?;
        columns.push(&column / column.norm());
    }
    Ok(DMatrix::from_columns(&columns))
}
