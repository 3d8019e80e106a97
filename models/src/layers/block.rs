//! One transformer block: attention and MLP, each behind a norm and added to the
//! residual stream.

use candle_core::Tensor;

use crate::error::Result;
use crate::instrument::macros::op;
use crate::layers::attention::Attention;
use crate::layers::kv_cache::KvCache;
use crate::layers::mlp::Mlp;
use crate::layers::norm::RmsNorm;
use crate::layers::pass::Pass;

/// Weights and cache of one layer.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Before attention.
    pub input_norm: RmsNorm,
    /// Mixes positions.
    pub attention: Attention,
    /// Norm of attention's output; Gemma has one.
    pub attention_out_norm: Option<RmsNorm>,
    /// Before the MLP.
    pub mlp_norm: RmsNorm,
    /// Mixes channels.
    pub mlp: Mlp,
    /// Norm of the MLP's output; Gemma has one.
    pub mlp_out_norm: Option<RmsNorm>,
    /// Keys and values of this layer.
    pub cache: KvCache,
}

impl Block {
    /// `(1, positions, width)` to the same shape.
    pub(crate) fn forward(&mut self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let normed = op!(INPUT_NORM; self.input_norm.within(x, pass))?;
        let attended = op!(ATTENTION; self.attention.forward(&normed, pass, &mut self.cache))?;
        // "Post attention" names the norm of attention's output in families that have
        // one, else the norm before the MLP.
        let (x, normed) = match &self.attention_out_norm {
            Some(norm) => {
                let attended = op!(POST_ATTENTION_NORM; norm.within(&attended, pass))?;
                let x = (attended + x)?;
                let normed = op!(PRE_FEEDFORWARD_NORM; self.mlp_norm.within(&x, pass))?;
                (x, normed)
            }
            None => {
                let x = (attended + x)?;
                let normed = op!(POST_ATTENTION_NORM; self.mlp_norm.within(&x, pass))?;
                (x, normed)
            }
        };
        let mut mixed = op!(MLP; self.mlp.forward(&normed, pass))?;
        if let Some(norm) = &self.mlp_out_norm {
            mixed = op!(POST_FEEDFORWARD_NORM; norm.within(&mixed, pass))?;
        }
        Ok((mixed + x)?)
    }
}
