//! Norms over the last dimension, fused or operation by operation.

use candle_core::{D, Tensor};

use crate::architecture::NormKind;
use crate::error::Result;
use crate::instrument::macros::op;
use crate::layers::pass::Pass;
use crate::tape::repeatable::repeatable;

/// A norm over the last dimension.
///
/// `Rms` is `x / sqrt(mean(x^2) + eps) * weight`, `Layer` is
/// `(x - mean(x)) / sqrt(variance(x) + eps) * weight + bias`.
#[derive(Debug, Clone)]
pub(crate) struct Norm {
    /// `(width)`, or `(heads, width)` for a weight of each head.
    pub weight: Tensor,
    /// `(width)`.
    pub bias: Option<Tensor>,
    /// Added to the divisor's square.
    pub eps: f32,
    /// What is subtracted and divided by.
    pub kind: NormKind,
}

impl Norm {
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
        match (self.kind, &self.bias) {
            _ if self.weight.rank() > 1 => self.by_head(x),
            (NormKind::Rms, _) => {
                let run = repeatable!([weight = &self.weight, x];
                    candle_nn::ops::rms_norm(x, weight, eps));
                Ok(run?)
            }
            (NormKind::Layer, Some(bias)) => {
                let run = repeatable!([weight = &self.weight, bias, x];
                    candle_nn::ops::layer_norm(x, weight, bias, eps));
                Ok(run?)
            }
            (NormKind::Layer, None) => {
                let zero = self.weight.zeros_like()?;
                let run = repeatable!([weight = &self.weight, zero = &zero, x];
                    candle_nn::ops::layer_norm(x, weight, zero, eps));
                Ok(run?)
            }
        }
    }

    /// Normalises `(.., heads, width)` with a weight for each head.
    fn by_head(&self, x: &Tensor) -> Result<Tensor> {
        let (eps, kind) = (f64::from(self.eps), self.kind);
        repeatable!([weight = &self.weight, x]; {
            let x = centred(kind, x)?;
            let divisor = (x.sqr()?.mean_keepdim(D::Minus1)? + eps)?.sqrt()?;
            Ok::<_, crate::error::Error>(x.broadcast_div(&divisor)?.broadcast_mul(weight)?)
        })
    }

    /// `mean` is the mean of the numbers, or for `Rms`, which subtracts no mean, that of
    /// their squares; `variance` is the divisor.
    fn decomposed(&self, x: &Tensor) -> Result<Tensor> {
        let eps = f64::from(self.eps);
        let (normal, divisor) = match self.kind {
            NormKind::Rms => {
                let mean = op!(MEAN, [x]; x.sqr()?.mean_keepdim(D::Minus1))?;
                let divisor = op!(VARIANCE, [mean = &mean]; (mean + eps)?.sqrt())?;
                (x.clone(), divisor)
            }
            NormKind::Layer => {
                let mean = op!(MEAN, [x]; x.mean_keepdim(D::Minus1))?;
                let around = x.broadcast_sub(&mean)?;
                let divisor = op!(VARIANCE, [around = &around];
                    (around.sqr()?.mean_keepdim(D::Minus1)? + eps)?.sqrt())?;
                (around, divisor)
            }
        };
        let normal = op!(NORMALIZE, [normal = &normal, divisor = &divisor];
            normal.broadcast_div(divisor))?;
        let scaled = match &self.bias {
            None => op!(SCALE_SHIFT, [normal = &normal, weight = &self.weight];
                normal.broadcast_mul(weight)),
            Some(bias) => op!(SCALE_SHIFT, [normal = &normal, weight = &self.weight, bias];
                normal.broadcast_mul(weight)?.broadcast_add(bias)),
        };
        Ok(scaled?)
    }
}

/// Subtracts the mean if the kind of norm does.
fn centred(kind: NormKind, x: &Tensor) -> Result<Tensor> {
    match kind {
        NormKind::Rms => Ok(x.clone()),
        NormKind::Layer => Ok(x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?),
    }
}
