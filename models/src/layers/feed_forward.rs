//! The part of a block that mixes channels: one MLP, or a mixture of experts.

use candle_core::Tensor;

use crate::error::Result;
use crate::layers::experts::Experts;
use crate::layers::mlp::Mlp;
use crate::layers::pass::Pass;

/// Mixes the channels of each position.
#[derive(Debug, Clone)]
pub(crate) enum FeedForward {
    /// The same MLP for all positions.
    Dense(Mlp),
    /// Each position uses a few of many experts.
    Experts(Experts),
}

impl FeedForward {
    /// `(1, positions, width)` to the same shape.
    pub(crate) fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        match self {
            Self::Dense(mlp) => mlp.forward(x, pass.deep, pass.statistics),
            Self::Experts(experts) => experts.forward(x, pass),
        }
    }
}
