//! Rank correlation (Spearman 1904) with a permutation test.
//!
//! Ranks need no law between the two quantities, only that they rise together. With few models the
//! usual approximation of p is wrong, so p counts permutations: all of them up to nine samples, and
//! a fixed random selection above.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use serde::Serialize;

use crate::not_estimable::NotEstimable;

/// Fewest samples: with three, no p is below a third.
pub const MIN_SAMPLES: usize = 4;
/// Most samples of which all permutations are counted.
const MAX_EXACT: usize = 9;
/// Number of random permutations above that.
const PERMUTATIONS: usize = 19_999;
const SEED: u64 = 0x5eed_0002;
/// Differences of sums of rank products below this are rounding.
const TOLERANCE: f64 = 1e-6;

/// A rank correlation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RankCorrelation {
    /// Spearman's coefficient: 1 if both quantities rise together, -1 if one falls.
    pub rho: f64,
    /// Probability of a coefficient at least as far from zero if both are independent.
    pub p: f64,
    /// Whether p counts all permutations; a random selection otherwise.
    pub is_exact: bool,
    /// Number of samples.
    pub samples: usize,
}

/// Correlates the ranks of pairs; equal values share their mean rank.
///
/// # Errors
///
/// Fewer than four pairs, a value that is not finite, or equal values on a side.
pub fn rank_correlation(pairs: &[(f64, f64)]) -> Result<RankCorrelation, NotEstimable> {
    NotEstimable::at_least(MIN_SAMPLES, pairs.len(), "samples")?;
    if pairs.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
        return Err(NotEstimable::NotFinite);
    }
    // A fixed order, so that the random permutations do not depend on that of the input.
    let mut pairs = pairs.to_vec();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let x = centered_ranks(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
    let y = centered_ranks(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>());
    let norm = (product(&x, &x) * product(&y, &y)).sqrt();
    if norm == 0.0 {
        return Err(NotEstimable::NoVariance {
            of: "a quantity".to_owned(),
        });
    }
    let observed = product(&x, &y);
    let is_exact = x.len() <= MAX_EXACT;
    Ok(RankCorrelation {
        rho: (observed / norm).clamp(-1.0, 1.0),
        p: match is_exact {
            true => exact_p(&x, y, observed),
            false => sampled_p(&x, y, observed),
        },
        is_exact,
        samples: x.len(),
    })
}

fn product(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// Returns ranks minus their mean; equal values share their mean rank.
fn centered_ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        below as f64 + (equal - 1) as f64 / 2.0 - (values.len() - 1) as f64 / 2.0
    };
    values.iter().map(rank).collect()
}

fn is_as_extreme(x: &[f64], y: &[f64], observed: f64) -> bool {
    product(x, y).abs() >= observed.abs() - TOLERANCE
}

/// Counts all permutations by Heap's algorithm (1963).
fn exact_p(x: &[f64], mut y: Vec<f64>, observed: f64) -> f64 {
    let mut counters = vec![0; y.len()];
    let mut extreme = usize::from(is_as_extreme(x, &y, observed));
    let (mut total, mut at) = (1_usize, 1);
    while at < y.len() {
        if counters[at] < at {
            let other = if at % 2 == 0 { 0 } else { counters[at] };
            y.swap(other, at);
            extreme += usize::from(is_as_extreme(x, &y, observed));
            total += 1;
            counters[at] += 1;
            at = 1;
        } else {
            counters[at] = 0;
            at += 1;
        }
    }
    extreme as f64 / total as f64
}

fn sampled_p(x: &[f64], mut y: Vec<f64>, observed: f64) -> f64 {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut extreme = 1_usize;
    for _ in 0..PERMUTATIONS {
        y.shuffle(&mut random);
        extreme += usize::from(is_as_extreme(x, &y, observed));
    }
    extreme as f64 / (PERMUTATIONS + 1) as f64
}
