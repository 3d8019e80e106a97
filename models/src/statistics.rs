//! Statistics of activations and attention, as events of the spans they belong to.
//!
//! Disabled unless [`crate::Model::set_statistics`] enables it. The events have the target
//! [`TARGET`]; a recorder keeps their floating-point fields as metrics of the span. The
//! work of computing them has its own spans, `statistics`.
//!
//! | event of | fields |
//! |---|---|
//! | attention, MLP and each norm, of the output | `mean_abs`, `std`, `max_abs`, `sparsity`: the share of numbers below the threshold |
//! | attention, one for each `head` | `entropy` of the weights in nats, `evenness`: that over the entropy of equal weights, `max_weight`, `weight_sparsity`: the share below the threshold |
//! | MLP | `kill_ratio`: the share of channels that the activation brings below the threshold |
//! | each router, one for each `expert` that was chosen | `expert_tokens`: positions that chose it, `expert_weight`: mean factor of its output |
//! | each router | `load_imbalance`: largest number of positions of an expert, over the mean of all |
//! | each norm | `variance_ratio`: variance over the channels of the output, over that of the input |
//!
//! A pass of several positions gives means over them, and the maximum for `max_*`. Only
//! weights of unmasked positions count.

use candle_core::{DType, Tensor};

use crate::error::Result;
use crate::instrument::macros::op;

/// The `tracing` target of the events.
pub const TARGET: &str = "energy_models::span_metrics";

/// Options of the statistics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// Smaller numbers count as zero.
    pub threshold: f32,
}

impl Default for Statistics {
    fn default() -> Self {
        Self { threshold: 0.01 }
    }
}

macro_rules! metrics {
    ($($field:tt)*) => {
        ::tracing::event!(target: TARGET, ::tracing::Level::INFO, $($field)*)
    };
}

impl Statistics {
    /// Emits the statistics of a component's output.
    pub(crate) fn activations(self, x: &Tensor) -> Result<()> {
        let statistics = op!(STATISTICS; numbers(x).map(|x| self.activation_statistics(&x)))?;
        let ActivationStatistics {
            mean_abs,
            std,
            max_abs,
            sparsity,
        } = statistics;
        metrics!(mean_abs, std, max_abs, sparsity);
        Ok(())
    }

    fn activation_statistics(self, numbers: &[f32]) -> ActivationStatistics {
        let count = numbers.len() as f64;
        let sum = |of: &dyn Fn(f64) -> f64| numbers.iter().map(|x| of(f64::from(*x))).sum::<f64>();
        let mean = sum(&|x| x) / count;
        ActivationStatistics {
            mean_abs: sum(&f64::abs) / count,
            std: (sum(&|x| (x - mean).powi(2)) / count).sqrt(),
            max_abs: f64::from(numbers.iter().fold(0.0_f32, |most, x| most.max(x.abs()))),
            sparsity: self.share_below(numbers),
        }
    }

    fn share_below(self, numbers: &[f32]) -> f64 {
        let below = numbers.iter().filter(|x| x.abs() < self.threshold);
        below.count() as f64 / numbers.len() as f64
    }

    /// Emits the share of the MLP's activations below the threshold, before the product.
    pub(crate) fn kills(self, active: &Tensor) -> Result<()> {
        let kill_ratio = op!(STATISTICS; numbers(active).map(|x| self.share_below(&x)))?;
        metrics!(kill_ratio);
        Ok(())
    }

    /// Emits the statistics of a norm from its input and output, `(.., width)`.
    pub(crate) fn norm(self, x: &Tensor, normed: &Tensor) -> Result<()> {
        let variance_ratio = op!(STATISTICS; variance_ratio(x, normed))?;
        metrics!(variance_ratio);
        self.activations(normed)
    }

    /// Emits the statistics of attention's weights, `(.., positions, visible)` for each of
    /// `heads`; masked weights do not count.
    pub(crate) fn heads(self, weights: &Tensor, heads: usize, mask: Option<&Tensor>) -> Result<()> {
        let all = op!(STATISTICS; self.of_heads(weights, heads, mask))?;
        for (head, statistics) in all.into_iter().enumerate() {
            let HeadStatistics {
                entropy,
                evenness,
                max_weight,
                weight_sparsity,
            } = statistics;
            metrics!(head, entropy, evenness, max_weight, weight_sparsity);
        }
        Ok(())
    }

    fn of_heads(
        self,
        weights: &Tensor,
        heads: usize,
        mask: Option<&Tensor>,
    ) -> Result<Vec<HeadStatistics>> {
        let columns = weights.dim(candle_core::D::Minus1)?;
        let weights = numbers(weights)?;
        let mask = mask.map(numbers).transpose()?;
        let of_head = weights.len() / heads;
        let is_visible = |at: &usize| mask.as_ref().is_none_or(|mask| mask[*at] == 0.0);
        let visible: Vec<usize> = (0..of_head)
            .step_by(columns)
            .map(|row| (row..row + columns).filter(is_visible).count())
            .collect();
        let statistics =
            |rows: &[f32]| self.of_head(rows.chunks(columns).zip(visible.iter().copied()));
        Ok(weights.chunks(of_head).map(statistics).collect())
    }

    /// Computes the statistics of one head from rows of weights, each with its number of
    /// unmasked positions.
    fn of_head<'r>(self, rows: impl Iterator<Item = (&'r [f32], usize)>) -> HeadStatistics {
        let (mut entropies, mut evenness) = (Mean::default(), Mean::default());
        let (mut max_weight, mut sparsity) = (0.0_f32, Mean::default());
        for (row, visible) in rows {
            let used = row.iter().filter(|weight| **weight > 0.0);
            let term = |weight: &f32| -f64::from(*weight) * f64::from(*weight).ln();
            let entropy: f64 = used.map(term).sum();
            entropies.add(entropy);
            if visible > 1 {
                evenness.add(entropy / (visible as f64).ln());
            }
            max_weight = row.iter().copied().fold(max_weight, f32::max);
            let large = row.iter().filter(|weight| **weight >= self.threshold);
            sparsity.add(1.0 - large.count() as f64 / visible as f64);
        }
        HeadStatistics {
            entropy: entropies.get().unwrap_or_default(),
            evenness: evenness.get(),
            max_weight: f64::from(max_weight),
            weight_sparsity: sparsity.get().unwrap_or_default(),
        }
    }
}

/// Emits how many positions chose an expert, and the mean factor of its output.
pub(crate) fn expert(expert: usize, expert_tokens: f64, expert_weight: f64) {
    metrics!(expert, expert_tokens, expert_weight);
}

/// Emits the largest load of an expert over the mean load.
pub(crate) fn load_imbalance(load_imbalance: f64) {
    metrics!(load_imbalance);
}

/// Statistics of a component's output.
#[derive(Debug)]
struct ActivationStatistics {
    mean_abs: f64,
    std: f64,
    max_abs: f64,
    sparsity: f64,
}

/// Statistics of one attention head.
#[derive(Debug)]
struct HeadStatistics {
    entropy: f64,
    /// `None` if no position attends to another one.
    evenness: Option<f64>,
    max_weight: f64,
    weight_sparsity: f64,
}

#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, number: f64) {
        self.sum += number;
        self.count += 1;
    }

    fn get(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

fn numbers(x: &Tensor) -> Result<Vec<f32>> {
    Ok(x.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?)
}

/// Returns `None` if the input does not vary.
fn variance_ratio(x: &Tensor, normed: &Tensor) -> Result<Option<f64>> {
    let width = x.dim(candle_core::D::Minus1)?;
    let (x, normed) = (numbers(x)?, numbers(normed)?);
    let mut ratios = Mean::default();
    for (x, normed) in x.chunks(width).zip(normed.chunks(width)) {
        let before = variance(x);
        if before > 0.0 {
            ratios.add(variance(normed) / before);
        }
    }
    Ok(ratios.get())
}

fn variance(numbers: &[f32]) -> f64 {
    let count = numbers.len() as f64;
    let mean = numbers.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
    let square = |x: &f32| (f64::from(*x) - mean).powi(2);
    numbers.iter().map(square).sum::<f64>() / count
}
