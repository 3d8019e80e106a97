//! A matrix product, with a bias where the model has one.

use candle_core::quantized::QMatMul;
use candle_core::{Module, Tensor};

use crate::error::Result;

/// `x * weight^T + bias`.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    /// `(rows, width)`, as in the file.
    pub weight: QMatMul,
    /// `(rows)`.
    pub bias: Option<Tensor>,
    /// The weight in f32, for several positions at once: needs more memory and less time.
    pub dense: Option<Tensor>,
}

impl Linear {
    /// Creates a product without a bias.
    pub(crate) fn without_bias(weight: QMatMul) -> Self {
        Self {
            weight,
            bias: None,
            dense: None,
        }
    }

    /// `(1, positions, width)` to `(1, positions, rows)`.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let product = match &self.dense {
            Some(dense) if x.dim(1)? > 1 => x.squeeze(0)?.matmul(&dense.t()?)?.unsqueeze(0)?,
            _ => self.weight.forward(x)?,
        };
        match &self.bias {
            Some(bias) => Ok(product.broadcast_add(bias)?),
            None => Ok(product),
        }
    }
}
