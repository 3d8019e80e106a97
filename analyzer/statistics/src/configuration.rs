//! Configurations: the samples of all laws.

use crate::moments::{logarithms, mean, variance};
use crate::not_estimable::NotEstimable;

/// One configuration: a value of a factor, and the values of its runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Configuration {
    /// The factor: parameters, context, batch, ...
    pub x: f64,
    /// The energy of each run, or another positive quantity.
    pub values: Vec<f64>,
}

impl Configuration {
    /// Returns the configuration with one value, for example a mean.
    pub fn single(x: f64, value: f64) -> Self {
        Self {
            x,
            values: vec![value],
        }
    }
}

/// Logarithms of the runs of one configuration, summarised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RunSummary {
    /// Mean of the logarithms: the logarithm of the geometric mean.
    pub(crate) mean_ln: f64,
    /// Number of runs.
    pub(crate) runs: usize,
    /// Sum of squared deviations from the mean.
    pub(crate) squares: f64,
}

impl RunSummary {
    /// Summarises positive values.
    pub(crate) fn of(values: &[f64]) -> Result<Self, NotEstimable> {
        let ln = logarithms(values)?;
        Ok(Self {
            mean_ln: mean(&ln).ok_or(NotEstimable::NoRun)?,
            runs: ln.len(),
            squares: variance(&ln).unwrap_or(0.0) * (ln.len() as f64 - 1.0),
        })
    }
}

/// Returns the variance of the logarithm of one run, pooled over configurations; `None` if no
/// configuration has a repeat.
pub(crate) fn pooled_variance(summaries: &[RunSummary]) -> Option<f64> {
    let df: usize = summaries.iter().map(|one| one.runs - 1).sum();
    let squares: f64 = summaries.iter().map(|one| one.squares).sum();
    (df > 0).then(|| squares / df as f64)
}

/// Merges configurations with an equal factor, and sorts them by it.
pub(crate) fn merged(configurations: &[Configuration]) -> Vec<Configuration> {
    let mut sorted = configurations.to_vec();
    sorted.sort_by(|a, b| a.x.total_cmp(&b.x));
    let mut merged: Vec<Configuration> = Vec::with_capacity(sorted.len());
    for one in sorted {
        match merged.last_mut().filter(|last| last.x == one.x) {
            Some(last) => last.values.extend(one.values),
            None => merged.push(one),
        }
    }
    merged
}
