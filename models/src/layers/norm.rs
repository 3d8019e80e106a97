//! Root-mean-square norm, fused or operation by operation.

use candle_core::{D, Tensor};

use crate::error::Result;
use crate::instrument::macros::op;
use crate::layers::pass::Pass;
use crate::tape::repeatable::repeatable;

/// `x / sqrt(mean(x^2) + eps) * weight` over the last dimension.
#[derive(Debug, Clone)]
pub(crate) struct RmsNorm {
    weight: Tensor,
    eps: f32,
}

impl RmsNorm {
    /// A norm with a weight of shape `(width)`.
    pub(crate) fn new(weight: Tensor, eps: f32) -> Self {
        Self { weight, eps }
    }

    /// Normalises `(.., width)`; `deep` runs the decomposed kernels.
    pub(crate) fn forward(&self, x: &Tensor, deep: bool) -> Result<Tensor> {
        match deep {
            true => self.decomposed(x),
            false => self.fused(x),
        }
    }

    /// Runs the norm as a component of a layer.
    pub(crate) fn within(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let normed = self.forward(x, pass.deep)?;
        if let Some(statistics) = pass.statistics {
            statistics.norm(x, &normed)?;
        }
        Ok(normed)
    }

    fn fused(&self, x: &Tensor) -> Result<Tensor> {
        let eps = self.eps;
        Ok(repeatable!([weight = &self.weight, x]; candle_nn::ops::rms_norm(x, weight, eps))?)
    }

    /// This norm subtracts no mean: `mean` is the mean of the squares and
    /// `variance` its root with epsilon, the divisor.
    fn decomposed(&self, x: &Tensor) -> Result<Tensor> {
        let eps = f64::from(self.eps);
        let mean = op!(MEAN, [x]; x.sqr()?.mean_keepdim(D::Minus1))?;
        let divisor = op!(VARIANCE, [mean = &mean]; (mean + eps)?.sqrt())?;
        let normal = op!(NORMALIZE, [x, divisor = &divisor]; x.broadcast_div(divisor))?;
        let scaled = op!(SCALE_SHIFT, [normal = &normal, weight = &self.weight];
            normal.broadcast_mul(weight));
        Ok(scaled?)
    }
}
