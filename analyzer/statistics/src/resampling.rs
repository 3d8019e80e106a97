//! Bootstrap of configurations with few runs.
//!
//! Three runs of one configuration have ten different resamples, and their spread is too small by
//! a factor of the square root of 2/3. Relative noise is a property of the machine, so deviations
//! from the mean of their configuration are pooled over all configurations, enlarged by
//! `sqrt(n / (n - 1))`, and drawn with replacement. Both quantities of a run stay together,
//! because a slow run needs more energy. The variance is itself estimated, so each resample scales
//! the deviations by `sqrt(df / chi^2)`: resampled means then have the tails of Student's t.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{ChiSquared, Distribution};

use crate::configuration::RunSummary;
use crate::not_estimable::NotEstimable;

/// Number of resamples.
pub(crate) const REPLICATES: usize = 1999;
/// Fewest degrees of freedom of the pooled deviations.
const MIN_DF: usize = 3;
const SEED: u64 = 0x5eed_0001;

/// Two quantities of one run, both positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunPair {
    /// The first quantity: throughput, or the level of a factor.
    pub x: f64,
    /// The second quantity: energy.
    pub y: f64,
}

/// Logarithms of pairs: means of configurations, and the pooled deviations of runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PairedMeans {
    /// Mean logarithms of each configuration.
    pub(crate) means: Vec<[f64; 2]>,
    runs: Vec<usize>,
    deviations: Vec<[f64; 2]>,
    df: usize,
}

impl PairedMeans {
    /// Reads configurations, each with the pairs of its runs.
    pub(crate) fn of(configurations: &[Vec<RunPair>]) -> Result<Self, NotEstimable> {
        let mut paired = Self {
            means: Vec::with_capacity(configurations.len()),
            runs: Vec::with_capacity(configurations.len()),
            deviations: Vec::new(),
            df: 0,
        };
        for pairs in configurations {
            let x: Vec<f64> = pairs.iter().map(|pair| pair.x).collect();
            let y: Vec<f64> = pairs.iter().map(|pair| pair.y).collect();
            let mean = [RunSummary::of(&x)?.mean_ln, RunSummary::of(&y)?.mean_ln];
            let runs = pairs.len();
            if runs > 1 {
                let scale = (runs as f64 / (runs - 1) as f64).sqrt();
                let deviation = |pair: &RunPair| {
                    [pair.x.ln() - mean[0], pair.y.ln() - mean[1]].map(|one| one * scale)
                };
                paired.deviations.extend(pairs.iter().map(deviation));
                paired.df += runs - 1;
            }
            paired.means.push(mean);
            paired.runs.push(runs);
        }
        Ok(paired)
    }

    /// Returns resampled mean logarithms, or `None` if there are too few repeats to know the
    /// noise.
    pub(crate) fn resamples(&self) -> Option<Vec<Vec<[f64; 2]>>> {
        if self.df < MIN_DF {
            return None;
        }
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let chi_squared = ChiSquared::new(self.df as f64).ok()?;
        let mut resample = || {
            let scale = (self.df as f64 / chi_squared.sample(&mut random)).sqrt();
            let configurations = self.means.iter().zip(&self.runs);
            let draw = |(mean, runs): (&[f64; 2], &usize)| {
                let mut sum = [0.0, 0.0];
                for _ in 0..*runs {
                    let deviation = self.deviations[random.random_range(0..self.deviations.len())];
                    sum = [sum[0] + deviation[0], sum[1] + deviation[1]];
                }
                [0, 1].map(|at| mean[at] + scale * sum[at] / *runs as f64)
            };
            configurations.map(draw).collect()
        };
        Some((0..REPLICATES).map(|_| resample()).collect())
    }
}
