//! Power laws: energy = a * x^b.
//!
//! ```text
//! ln energy
//!   |              o        o   a configuration: the mean of its runs
//!   |         o  ./         /   slope b by least squares, with Student's interval
//!   |       ./  o               the scatter about the line is that of configurations
//!   |   o ./
//!   +------------------ ln x
//! ```
//!
//! Runs of one configuration share how it deviates from the law. If each run were a sample, 95 %
//! intervals would contain the true exponent in half of the cases only. The interval is exact if
//! configurations scatter normally with equal variance on the logarithmic scale.

use nalgebra::{DMatrix, DVector};
use serde::Serialize;

use crate::configuration::{Configuration, RunSummary};
use crate::estimate::IntervalEstimate;
use crate::least_squares::{LeastSquares, least_squares};
use crate::moments::{ln, mean};
use crate::not_estimable::NotEstimable;
use crate::student::quantile_of_two_tails;

/// Fewest configurations with an exponent: with three, the interval has one degree of freedom.
pub const MIN_CONFIGURATIONS: usize = 4;

/// Smallest difference of the logarithms of x that counts as a variation.
const MIN_SPREAD_LN: f64 = 1e-9;

/// A fitted power law.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PowerLaw {
    /// The exponent with its interval.
    pub exponent: IntervalEstimate,
    /// The value at `x = 1`, in the unit of the values; `None` if it is not finite.
    pub coefficient: Option<f64>,
    /// Geometric mean of x.
    pub reference_x: f64,
    /// Value of the law at the geometric mean of x.
    pub reference_value: f64,
    /// Standard deviation of configurations about the law, as a logarithm: 0.1 is about 10 %.
    pub residual_sd_ln: f64,
    /// Share of the variance of the logarithms that the law explains; `None` if they are equal.
    pub r_squared: Option<f64>,
    /// Number of configurations.
    pub configurations: usize,
    /// Degrees of freedom of the interval.
    pub df: usize,
    /// Smallest and largest x.
    pub x_range: [f64; 2],
    /// Variance of the exponent per variance of a configuration.
    #[serde(skip)]
    leverage_of_slope: f64,
}

/// Fits a power law to configurations, with an interval of the given confidence.
///
/// # Errors
///
/// Fewer than four configurations, a value or x that is not positive, or equal x.
pub fn power_law(
    configurations: &[Configuration],
    confidence: f64,
) -> Result<PowerLaw, NotEstimable> {
    NotEstimable::check_confidence(confidence)?;
    NotEstimable::at_least(MIN_CONFIGURATIONS, configurations.len(), "configurations")?;
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for one in configurations {
        x.push(ln(one.x)?);
        y.push(RunSummary::of(&one.values)?.mean_ln);
    }
    let (lo, hi) = x
        .iter()
        .fold((f64::MAX, f64::MIN), |(lo, hi), x| (lo.min(*x), hi.max(*x)));
    if hi - lo < MIN_SPREAD_LN {
        return Err(NotEstimable::NoVariance { of: "x".to_owned() });
    }
    let center = mean(&x).ok_or(NotEstimable::NoRun)?;
    let design = DMatrix::from_fn(x.len(), 2, |row, column| match column {
        0 => 1.0,
        _ => x[row] - center,
    });
    let values = DVector::from_column_slice(&y);
    let fit = least_squares(&design, &values).ok_or(NotEstimable::NotFinite)?;
    PowerLaw::of(&fit, &values, center, [lo, hi], confidence)
}

impl PowerLaw {
    fn of(
        fit: &LeastSquares,
        values: &DVector<f64>,
        center: f64,
        range: [f64; 2],
        confidence: f64,
    ) -> Result<Self, NotEstimable> {
        let variance = fit.variance().ok_or(NotEstimable::NotFinite)?;
        let (reference, slope) = (fit.coefficients[0], fit.coefficients[1]);
        let leverage_of_slope = fit.inverse_gram[(1, 1)];
        let t = quantile_of_two_tails(1.0 - confidence, fit.df as f64);
        let half = t * (variance * leverage_of_slope).sqrt();
        let total = values.add_scalar(-values.mean()).norm_squared();
        let law = Self {
            exponent: IntervalEstimate::symmetric(slope, half, confidence),
            coefficient: Some((reference - slope * center).exp())
                .filter(|one| one.is_finite() && *one > 0.0),
            reference_x: center.exp(),
            reference_value: reference.exp(),
            residual_sd_ln: variance.sqrt(),
            r_squared: (total > 0.0).then(|| (1.0 - fit.squares / total).max(0.0)),
            configurations: values.len(),
            df: fit.df,
            x_range: range.map(f64::exp),
            leverage_of_slope,
        };
        let numbers = [half, slope, law.reference_x, law.reference_value];
        match numbers.iter().all(|number| number.is_finite()) {
            true => Ok(law),
            false => Err(NotEstimable::NotFinite),
        }
    }

    /// Returns the law at x with the interval of the law itself: the band of a plot.
    ///
    /// # Errors
    ///
    /// An x that is not positive.
    pub fn mean_at(&self, x: f64) -> Result<IntervalEstimate, NotEstimable> {
        Ok(self.ln_interval(x, 0.0)?.exp())
    }

    /// Returns the law at x with the interval that contains a new configuration.
    ///
    /// # Errors
    ///
    /// An x that is not positive.
    pub fn new_configuration_at(&self, x: f64) -> Result<IntervalEstimate, NotEstimable> {
        Ok(self.ln_interval(x, 1.0)?.exp())
    }

    /// Returns the logarithm of the law at x.
    pub(crate) fn ln_at(&self, x: f64) -> Result<f64, NotEstimable> {
        let distance = ln(x)? - self.reference_x.ln();
        Ok(self.reference_value.ln() + self.exponent.value * distance)
    }

    /// Returns the variance of a new configuration's logarithm at x, including the error of the
    /// law, or of the law alone if `own` is zero.
    pub(crate) fn ln_variance_at(&self, x: f64, own: f64) -> Result<f64, NotEstimable> {
        let distance = ln(x)? - self.reference_x.ln();
        let leverage =
            1.0 / self.configurations as f64 + self.leverage_of_slope * distance * distance;
        Ok(self.residual_sd_ln.powi(2) * (own + leverage))
    }

    fn ln_interval(&self, x: f64, own: f64) -> Result<IntervalEstimate, NotEstimable> {
        let confidence = self.exponent.confidence;
        let t = quantile_of_two_tails(1.0 - confidence, self.df as f64);
        let half = t * self.ln_variance_at(x, own)?.sqrt();
        Ok(IntervalEstimate::symmetric(
            self.ln_at(x)?,
            half,
            confidence,
        ))
    }
}
