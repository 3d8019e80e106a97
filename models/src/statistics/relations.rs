//! Statistics of what a function changes: its input against its output.

use candle_core::{D, Tensor};

use super::event::metrics;
use super::numbers::{Mean, numbers, share, share_below, squares};
use super::options::Statistics;
use crate::error::Result;
use crate::instrument::macros::op;

impl Statistics {
    /// Emits the statistics of an MLP's activation function: of its output, before the
    /// product with the other half, and of its input.
    pub(crate) fn activation_function(self, input: &Tensor, active: &Tensor) -> Result<()> {
        if self.sets.default {
            let threshold = self.activation_threshold;
            let kill_ratio = op!(STATISTICS; numbers(active).map(|x| share_below(&x, threshold)))?;
            metrics!(kill_ratio);
        }
        if self.sets.alternative {
            let negative_ratio = op!(STATISTICS; numbers(input).map(|x| share(&x, |x| x < 0.0)))?;
            metrics!(negative_ratio);
        }
        Ok(())
    }

    /// Emits the statistics of a norm from its input and output, `(.., width)`.
    pub(crate) fn norm(self, x: &Tensor, normed: &Tensor) -> Result<()> {
        if self.sets.default {
            let variance_ratio = op!(STATISTICS; variance_ratio(x, normed))?;
            metrics!(variance_ratio);
        }
        if self.sets.alternative {
            let input_output_variance = op!(STATISTICS; input_output_variance(x, normed))?;
            metrics!(input_output_variance);
        }
        self.activations(normed)
    }
}

/// Returns the mean over rows of output over input, `None` if the input does not vary.
fn variance_ratio(x: &Tensor, normed: &Tensor) -> Result<Option<f64>> {
    let width = x.dim(D::Minus1)?;
    let (x, normed) = (numbers(x)?, numbers(normed)?);
    let mut ratios = Mean::default();
    for (x, normed) in x.chunks(width).zip(normed.chunks(width)) {
        let before = squares(x);
        if before > 0.0 {
            ratios.add(squares(normed) / before);
        }
    }
    Ok(ratios.get())
}

/// Returns input over output, `None` if the output does not vary. Both have the same
/// number of numbers, so the variances' divisor does not matter.
fn input_output_variance(x: &Tensor, normed: &Tensor) -> Result<Option<f64>> {
    let after = squares(&numbers(normed)?);
    let before = squares(&numbers(x)?);
    Ok((after > 0.0).then(|| before / after))
}
