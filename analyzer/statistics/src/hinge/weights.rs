//! Relative standard errors of contexts.

use crate::configuration::{Configuration, RunSummary, pooled_variance};
use crate::moments::mean;
use crate::not_estimable::NotEstimable;

/// Values of contexts and the relative size of their errors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ContextErrors {
    /// Contexts, ascending.
    pub(super) x: Vec<f64>,
    /// Geometric means of the runs.
    pub(super) values: Vec<f64>,
    /// Size of the error of each value, up to a common factor.
    pub(super) scale: Vec<f64>,
    /// Relative error of a context with a typical number of runs, in units of the common factor.
    pub(super) typical: f64,
}

/// Reads contexts, which are sorted. The size of an error is proportional to the value of the line,
/// and depends on the number of runs as far as their noise explains the scatter about the line.
pub(super) fn relative_errors(contexts: &[Configuration]) -> Result<ContextErrors, NotEstimable> {
    let summaries = contexts.iter().map(|one| RunSummary::of(&one.values));
    let summaries = summaries.collect::<Result<Vec<_>, _>>()?;
    let x: Vec<f64> = contexts.iter().map(|one| one.x).collect();
    let values: Vec<f64> = summaries.iter().map(|one| one.mean_ln.exp()).collect();
    let level = line_levels(&x, &values);
    let relative: Vec<f64> = (0..x.len())
        .map(|at| (values[at] - level.fitted[at]) / level.size[at])
        .collect();
    let squares: f64 = relative.iter().map(|one| one * one).sum();
    let variances = variances_of_means(&summaries, squares / (x.len() - 2) as f64);
    let sizes = level.size.iter().zip(&variances);
    Ok(ContextErrors {
        scale: sizes
            .map(|(size, variance)| size * variance.sqrt())
            .collect(),
        typical: mean(&variances).unwrap_or(1.0).sqrt(),
        x,
        values,
    })
}

impl ContextErrors {
    /// Returns the sum of squared values in units of their errors.
    pub(super) fn whitened_squares(&self) -> f64 {
        let whitened = self.values.iter().zip(&self.scale);
        whitened.map(|(value, scale)| (value / scale).powi(2)).sum()
    }
}

/// Returns the variances of the means of contexts, up to a common factor: variance between contexts
/// plus that of runs over their number. Equal if the numbers of runs are, or if nothing is repeated.
fn variances_of_means(summaries: &[RunSummary], total: f64) -> Vec<f64> {
    let inverse = |one: &RunSummary| 1.0 / one.runs as f64;
    let typical = summaries.iter().map(inverse).sum::<f64>() / summaries.len() as f64;
    let of_runs = pooled_variance(summaries).unwrap_or(0.0);
    let between = (total - of_runs * typical).max(0.0);
    let whole = between + of_runs * typical;
    let variance = |one: &RunSummary| match whole > 0.0 {
        true => (between + of_runs * inverse(one)) / whole,
        false => 1.0,
    };
    summaries.iter().map(variance).collect()
}

struct LineLevels {
    fitted: Vec<f64>,
    size: Vec<f64>,
}

/// Fits a line with relative errors. Errors are relative to the line if it is positive everywhere,
/// and to the values otherwise.
fn line_levels(x: &[f64], values: &[f64]) -> LineLevels {
    let fitted = weighted_line(x, values, values);
    let lowest = fitted.iter().copied().fold(f64::MAX, f64::min);
    let smallest = values.iter().copied().fold(f64::MAX, f64::min);
    let size = match lowest > 0.25 * smallest {
        true => fitted.clone(),
        false => values.to_vec(),
    };
    LineLevels {
        fitted: weighted_line(x, values, &size),
        size,
    }
}

/// Returns the line through values with errors of the given sizes, at each x.
fn weighted_line(x: &[f64], values: &[f64], sizes: &[f64]) -> Vec<f64> {
    let largest = sizes.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let weights: Vec<f64> = sizes.iter().map(|size| (largest / size).powi(2)).collect();
    let total: f64 = weights.iter().sum();
    let average = |of: &[f64]| of.iter().zip(&weights).map(|(v, w)| v * w).sum::<f64>() / total;
    let (center, level) = (average(x), average(values));
    let products = (0..x.len()).map(|at| weights[at] * (x[at] - center) * (values[at] - level));
    let squares = (0..x.len()).map(|at| weights[at] * (x[at] - center).powi(2));
    let slope = products.sum::<f64>() / squares.sum::<f64>();
    x.iter().map(|x| level + slope * (x - center)).collect()
}
