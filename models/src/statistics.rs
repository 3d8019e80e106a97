//! What activations and attention look like, as events of the spans they belong to.
//!
//! Off unless [`crate::Model::set_statistics`] asks for it. The events have the target
//! [`TARGET`], whose fields with a fraction a recorder keeps as metrics of the span; the
//! work of computing them stands in spans of its own, `statistics`.
//!
//! | event of | fields |
//! |---|---|
//! | attention, MLP and each norm, of their output | `mean_abs`, `std`, `max_abs`, `sparsity`: the share of numbers below the threshold |
//! | attention, one for each `head` | `entropy` of the weights in nats, `evenness`: that over the entropy of equal weights, `max_weight`, `weight_sparsity`: the share below the threshold |
//! | MLP | `kill_ratio`: the share of channels that the activation brings below the threshold |
//! | each norm | `variance_ratio`: variance over the channels of the output, over that of the input |
//!
//! A pass of several positions gives means over them, and the largest for what is called
//! so. Only weights of positions that may be seen count.

use candle_core::{DType, Tensor};

use crate::error::Result;
use crate::instrument::op;

/// The `tracing` target of the events.
pub const TARGET: &str = "energy_models::span_metrics";

/// How statistics are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// What is smaller counts as nothing.
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
    /// Of what a component puts out.
    pub(crate) fn activations(self, x: &Tensor) -> Result<()> {
        let seen = op!(STATISTICS; numbers(x).map(|x| self.spread(&x)))?;
        let Spread {
            mean_abs,
            std,
            max_abs,
            sparsity,
        } = seen;
        metrics!(mean_abs, std, max_abs, sparsity);
        Ok(())
    }

    fn spread(self, numbers: &[f32]) -> Spread {
        let count = numbers.len() as f64;
        let sum = |of: &dyn Fn(f64) -> f64| numbers.iter().map(|x| of(f64::from(*x))).sum::<f64>();
        let mean = sum(&|x| x) / count;
        Spread {
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

    /// Of the MLP's activations, before they meet the other half.
    pub(crate) fn kills(self, active: &Tensor) -> Result<()> {
        let kill_ratio = op!(STATISTICS; numbers(active).map(|x| self.share_below(&x)))?;
        metrics!(kill_ratio);
        Ok(())
    }

    /// Of a norm, from what comes in and goes out, `(.., width)`.
    pub(crate) fn norm(self, x: &Tensor, normed: &Tensor) -> Result<()> {
        let variance_ratio = op!(STATISTICS; variance_ratio(x, normed))?;
        metrics!(variance_ratio);
        self.activations(normed)
    }

    /// Of attention's weights, `(.., positions, seen)` for each of `heads`; the mask says
    /// what a position must not see.
    pub(crate) fn heads(self, weights: &Tensor, heads: usize, mask: Option<&Tensor>) -> Result<()> {
        let looks = op!(STATISTICS; self.looks(weights, heads, mask))?;
        for (head, look) in looks.into_iter().enumerate() {
            let Look {
                entropy,
                evenness,
                max_weight,
                weight_sparsity,
            } = look;
            metrics!(head, entropy, evenness, max_weight, weight_sparsity);
        }
        Ok(())
    }

    fn looks(self, weights: &Tensor, heads: usize, mask: Option<&Tensor>) -> Result<Vec<Look>> {
        let seen = weights.dim(candle_core::D::Minus1)?;
        let weights = numbers(weights)?;
        let mask = mask.map(numbers).transpose()?;
        let of_head = weights.len() / heads;
        let is_visible = |at: &usize| mask.as_ref().is_none_or(|mask| mask[*at] == 0.0);
        let visible: Vec<usize> = (0..of_head)
            .step_by(seen)
            .map(|row| (row..row + seen).filter(is_visible).count())
            .collect();
        let look = |rows: &[f32]| self.look(rows.chunks(seen).zip(visible.iter().copied()));
        Ok(weights.chunks(of_head).map(look).collect())
    }

    /// Rows of weights, each with the number of positions that it may see.
    fn look<'r>(self, rows: impl Iterator<Item = (&'r [f32], usize)>) -> Look {
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
        Look {
            entropy: entropies.get().unwrap_or_default(),
            evenness: evenness.get(),
            max_weight: f64::from(max_weight),
            weight_sparsity: sparsity.get().unwrap_or_default(),
        }
    }
}

/// Of numbers of any kind.
#[derive(Debug)]
struct Spread {
    mean_abs: f64,
    std: f64,
    max_abs: f64,
    sparsity: f64,
}

/// Of one head.
#[derive(Debug)]
struct Look {
    entropy: f64,
    /// None where no position sees another one.
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

/// None where what comes in does not vary.
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
