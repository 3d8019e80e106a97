//! One transformer block: attention and MLP, each with norms of its input, its output or
//! both, and added to the residual stream one after the other or together.

use candle_core::Tensor;

use crate::error::Result;
use crate::instrument::macros::op;
use crate::layers::attention::Attention;
use crate::layers::feed_forward::FeedForward;
use crate::layers::kv_cache::KvCache;
use crate::layers::norm::Norm;
use crate::layers::pass::Pass;

/// Weights and cache of one layer.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Of attention's input.
    pub input_norm: Option<Norm>,
    /// Mixes positions.
    pub attention: Attention,
    /// Of attention's output.
    pub attention_out_norm: Option<Norm>,
    /// Of the MLP's input; a parallel block without it uses `input_norm`.
    pub mlp_norm: Option<Norm>,
    /// Mixes channels.
    pub mlp: FeedForward,
    /// Of the MLP's output.
    pub mlp_out_norm: Option<Norm>,
    /// Whether the MLP receives the layer's input instead of the sum.
    pub is_parallel: bool,
    /// Factor of what attention and MLP add.
    pub residual_scale: Option<f64>,
    /// Keys and values of this layer, of each sequence.
    pub caches: Vec<KvCache>,
}

impl Block {
    /// `(1, positions, width)` to the same shape.
    pub(crate) fn forward(&mut self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let normed = match &self.input_norm {
            Some(norm) => op!(INPUT_NORM; norm.within(x, pass))?,
            None => x.clone(),
        };
        let attended = op!(ATTENTION; self.attention.forward(&normed, pass, &mut self.caches))?;
        let attended = match &self.attention_out_norm {
            Some(norm) => op!(POST_ATTENTION_NORM; norm.within(&attended, pass))?,
            None => attended,
        };
        let attended = self.scaled(attended, pass)?;
        if self.is_parallel {
            let normed = self.mlp_norm.as_ref().map_or(
                Ok(normed),
                |norm| op!(PRE_FEEDFORWARD_NORM; norm.within(x, pass)),
            )?;
            let mixed = self.mlp(&normed, pass)?;
            return Ok(((attended + x)? + mixed)?);
        }
        let x = (attended + x)?;
        let normed = self.before_mlp(&x, pass)?;
        Ok((self.mlp(&normed, pass)? + x)?)
    }

    /// "Post attention" names the norm of attention's output in families that have one, else
    /// the norm before the MLP.
    fn before_mlp(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        match (&self.mlp_norm, &self.attention_out_norm) {
            (None, _) => Ok(x.clone()),
            (Some(norm), Some(_)) => op!(PRE_FEEDFORWARD_NORM; norm.within(x, pass)),
            (Some(norm), None) => op!(POST_ATTENTION_NORM; norm.within(x, pass)),
        }
    }

    fn mlp(&self, normed: &Tensor, pass: &Pass) -> Result<Tensor> {
        let mixed = op!(MLP; self.mlp.forward(normed, pass))?;
        let mixed = match &self.mlp_out_norm {
            Some(norm) => op!(POST_FEEDFORWARD_NORM; norm.within(&mixed, pass))?,
            None => mixed,
        };
        self.scaled(mixed, pass)
    }

    fn scaled(&self, x: Tensor, pass: &Pass) -> Result<Tensor> {
        match self.residual_scale {
            Some(scale) if pass.deep => Ok(op!(RESIDUAL_SCALE, [x = &x]; x * scale)?),
            Some(scale) => Ok((x * scale)?),
            None => Ok(x),
        }
    }
}
