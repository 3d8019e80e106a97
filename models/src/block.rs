//! One transformer block: attention and MLP, each behind a norm and beside
//! the residual stream.

use candle_core::Tensor;

use crate::attention::{Attention, Pass};
use crate::error::Result;
use crate::instrument::op;
use crate::kv_cache::KvCache;
use crate::mlp::Mlp;
use crate::norm::RmsNorm;

/// Weights and cache of one layer.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Before attention.
    pub input_norm: RmsNorm,
    /// Mixes positions.
    pub attention: Attention,
    /// Before the MLP.
    pub post_attention_norm: RmsNorm,
    /// Mixes channels.
    pub mlp: Mlp,
    /// Keys and values of this layer.
    pub cache: KvCache,
}

impl Block {
    /// `(1, positions, width)` to the same shape.
    pub(crate) fn forward(&mut self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let normed = op!(INPUT_NORM; self.input_norm.forward(x, pass.deep))?;
        let attended = op!(ATTENTION; self.attention.forward(&normed, pass, &mut self.cache))?;
        let x = (attended + x)?;
        let normed = op!(POST_ATTENTION_NORM; self.post_attention_norm.forward(&x, pass.deep))?;
        let mixed = op!(MLP; self.mlp.forward(&normed, pass.deep))?;
        Ok((mixed + x)?)
    }
}
