//! Statistics of the outputs of components and projections.

use candle_core::Tensor;

use super::event::metrics;
use super::numbers::{largest, numbers, share_below, squares};
use super::options::Statistics;
use crate::error::Result;
use crate::instrument::macros::op;

/// Statistics of one tensor.
#[derive(Debug)]
struct ActivationStatistics {
    mean_abs: f64,
    std: f64,
    /// `None` for a single number.
    sample_std: Option<f64>,
    max_abs: f64,
    sparsity: Option<f64>,
    zero_ratio: Option<f64>,
}

impl ActivationStatistics {
    fn of(x: &Tensor, options: Statistics) -> Result<Self> {
        let numbers = numbers(x)?;
        let count = numbers.len();
        let squares = squares(&numbers);
        let sum: f64 = numbers.iter().map(|x| f64::from(x.abs())).sum();
        let largest = largest(numbers.iter().map(|x| x.abs()));
        // A share of numbers that are unknown is unknown.
        let share = |threshold| share_below(&numbers, threshold).filter(|_| !largest.is_nan());
        Ok(Self {
            mean_abs: sum / count as f64,
            std: (squares / count as f64).sqrt(),
            sample_std: (count > 1).then(|| (squares / (count - 1) as f64).sqrt()),
            max_abs: f64::from(largest),
            sparsity: share(options.activation_threshold),
            zero_ratio: share(options.zero_threshold),
        })
    }
}

impl Statistics {
    /// Emits the statistics of a component's output.
    pub(crate) fn activations(self, x: &Tensor) -> Result<()> {
        if !self.sets.default && !self.sets.alternative {
            return Ok(());
        }
        let ActivationStatistics {
            mean_abs,
            std,
            sample_std,
            max_abs,
            sparsity,
            zero_ratio,
        } = op!(STATISTICS; ActivationStatistics::of(x, self))?;
        if self.sets.default {
            metrics!(mean_abs, std, max_abs, sparsity);
        }
        if self.sets.alternative {
            metrics!(sample_std, zero_ratio);
        }
        Ok(())
    }

    /// Emits the statistics of a projection's output, as part of its component.
    pub(crate) fn projection(self, projection: &'static str, x: &Tensor) -> Result<()> {
        if !self.sets.projections {
            return Ok(());
        }
        let of = op!(STATISTICS; ActivationStatistics::of(x, self))?;
        metrics!(
            projection,
            projection_mean_abs = of.mean_abs,
            projection_std = of.std,
            projection_max_abs = of.max_abs,
            projection_sparsity = of.sparsity,
            projection_sample_std = of.sample_std,
            projection_zero_ratio = of.zero_ratio,
        );
        Ok(())
    }
}
