//! The shape of a tiny model.

use candle_core::quantized::GgmlDType;

/// Shape of a tiny model.
#[derive(Debug, Clone)]
pub struct TinyConfig {
    /// Transformer blocks.
    pub layers: usize,
    /// Width of the residual stream, a multiple of 32.
    pub width: usize,
    /// Width inside of the MLP, a multiple of 32.
    pub hidden: usize,
    /// Query heads; divides `width`.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Context length in positions.
    pub context_length: usize,
    /// Experts of each layer; 0 for one MLP.
    pub experts: usize,
    /// Experts that each token uses.
    pub active_experts: usize,
    /// Type of the matrices.
    pub dtype: GgmlDType,
    /// Type of the value projections and of the MLP's outputs, as in files of mixed types; the
    /// same as `dtype` if it is `None`.
    pub finer: Option<GgmlDType>,
    /// Whether the output projection is the token embedding.
    pub tied: bool,
    /// Seed of the random weights.
    pub seed: u64,
}

impl Default for TinyConfig {
    fn default() -> Self {
        Self {
            layers: 2,
            width: 64,
            hidden: 128,
            heads: 4,
            kv_heads: 2,
            context_length: 256,
            experts: 0,
            active_experts: 0,
            dtype: GgmlDType::F32,
            finer: None,
            tied: true,
            seed: 42,
        }
    }
}
