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
}

impl Linear {
    /// `(.., width)` to `(.., rows)`.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let product = self.weight.forward(x)?;
        match &self.bias {
            Some(bias) => Ok(product.broadcast_add(bias)?),
            None => Ok(product),
        }
    }
}
