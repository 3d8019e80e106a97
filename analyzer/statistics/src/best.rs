//! Best level of a factor: the batch, engine or quantization with the least energy.
//!
//! ```text
//! J/token
//!   |  o                    the best level is the one with the smallest geometric mean;
//!   |        o       o      every level that comparisons do not show to be worse than it
//!   |            *          belongs to the set, here 4 to 8
//!   +--1-----2---4---8---- batch
//! ```

use serde::Serialize;

use crate::compare::{
    Comparison, ComparisonOptions, RunSample, SideVerdict, compare_all, geometric_mean,
};
use crate::not_estimable::NotEstimable;

/// One level of a factor and its runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FactorLevel {
    /// Name of the level: "8", "q4_k_m", "llama.cpp".
    pub name: String,
    /// The level as a number, for factors that are ordered.
    pub number: Option<f64>,
    /// Its runs.
    pub samples: Vec<RunSample>,
}

/// A level compared with the best one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankedLevel {
    /// Name of the level.
    pub name: String,
    /// The level as a number.
    pub number: Option<f64>,
    /// Number of runs.
    pub runs: usize,
    /// Geometric mean of the runs.
    pub mean: f64,
    /// Comparison with the best level, which is the base; `None` for the best level.
    pub comparison: Option<Comparison>,
    /// Whether it cannot be distinguished from the best level.
    pub is_in_set: bool,
}

/// The best level of a factor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BestLevel {
    /// Index of the best level in `levels`.
    pub best: usize,
    /// All levels, in the order of the input.
    pub levels: Vec<RankedLevel>,
    /// Smallest and largest level of the set; `None` if a level is not a number.
    pub interval: Option<[f64; 2]>,
    /// Whether all other levels are worse.
    pub is_certain: bool,
    /// Confidence of the set.
    pub confidence: f64,
}

/// Finds the level with the smallest geometric mean, and the levels that cannot be distinguished
/// from it: Welch's test on logarithms, with the error rate shared by all comparisons (Holm), and
/// the smallest relevant difference of the options. A level with fewer than three runs is never
/// excluded.
///
/// # Errors
///
/// Fewer than two levels, a level without runs, or a value that is not positive.
pub fn best_level(
    levels: &[FactorLevel],
    options: &ComparisonOptions,
) -> Result<BestLevel, NotEstimable> {
    NotEstimable::check_confidence(options.confidence)?;
    NotEstimable::at_least(2, levels.len(), "levels")?;
    let means = levels.iter().map(mean).collect::<Result<Vec<_>, _>>()?;
    let order = means.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
    let (best, _) = order.ok_or(NotEstimable::NoRun)?;
    let others = levels.iter().enumerate().filter(|(at, _)| *at != best);
    let others: Vec<Vec<RunSample>> = others.map(|(_, level)| level.samples.clone()).collect();
    let mut compared = compare_all(&levels[best].samples, &others, options).into_iter();
    let ranked = |(at, level): (usize, &FactorLevel)| {
        let comparison = if at == best { None } else { compared.next() };
        RankedLevel {
            name: level.name.clone(),
            number: level.number,
            runs: level.samples.len(),
            mean: means[at],
            comparison,
            is_in_set: comparison.is_none_or(|one| one.verdict != SideVerdict::Worse),
        }
    };
    let levels: Vec<RankedLevel> = levels.iter().enumerate().map(ranked).collect();
    Ok(BestLevel {
        best,
        interval: interval(&levels),
        is_certain: levels.iter().filter(|level| level.is_in_set).count() == 1,
        levels,
        confidence: options.confidence,
    })
}

fn mean(level: &FactorLevel) -> Result<f64, NotEstimable> {
    let is_positive = |sample: &&RunSample| sample.value.ln().is_finite();
    if let Some(bad) = level.samples.iter().find(|sample| !is_positive(sample)) {
        return Err(NotEstimable::NotPositive { value: bad.value });
    }
    geometric_mean(&level.samples).ok_or(NotEstimable::NoRun)
}

fn interval(levels: &[RankedLevel]) -> Option<[f64; 2]> {
    let in_set = levels.iter().filter(|level| level.is_in_set);
    let numbers = in_set
        .map(|level| level.number)
        .collect::<Option<Vec<f64>>>()?;
    let lowest = numbers.iter().copied().reduce(f64::min)?;
    let highest = numbers.iter().copied().reduce(f64::max)?;
    Some([lowest, highest])
}
