//! What is asked of a model when it is loaded, and what is known of it afterwards.

use candle_core::Device;

use crate::instrument::Depth;
use crate::weights::{Prefill, Requantize};

/// How to load a model.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Conversion of the weights.
    pub requantize: Requantize,
    /// Weights of passes of several positions.
    pub prefill: Prefill,
    /// Where tensors live; see [`device::parse`](crate::device::parse).
    pub device: Device,
    /// Depth of the spans, which selects the kernels.
    pub depth: Depth,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            requantize: Requantize::Auto,
            prefill: Prefill::Same,
            device: Device::Cpu,
            depth: Depth::default(),
        }
    }
}

/// What a model is, for the metadata of a run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelInfo {
    /// Such as `llama`.
    pub architecture: String,
    /// What is taken for granted of an architecture that nobody has described; its answers
    /// are wrong where that is not so.
    pub assumed: Vec<String>,
    /// The file's name for the model; may be empty.
    pub name: String,
    /// Transformer blocks.
    pub layers: usize,
    /// Width of the residual stream in channels.
    pub width: usize,
    /// Width inside of the MLP in channels.
    pub hidden: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of one head in channels.
    pub head_dim: usize,
    /// Tokens in the vocabulary.
    pub vocab: usize,
    /// Weights, shared ones counted once.
    pub parameters: u64,
    /// Where they are.
    pub parts: Parameters,
    /// Positions that layers with a sliding window see; none where no layer has one.
    pub window: Option<usize>,
    /// Layers with a sliding window.
    pub windowed_layers: usize,
    /// Number formats of the matrices, such as `q4_1->q8_0`.
    pub precision: String,
    /// Positions that the model was made for.
    pub context_length: usize,
    /// Bytes of the matrices in memory.
    pub weight_bytes: usize,
    /// Bytes of the matrices that prefill has beside them; see [`Prefill`].
    pub prefill_bytes: usize,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// `cpu`, `cuda` or `metal`.
    pub device: &'static str,
}

/// Where a model's weights are, each counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parameters {
    /// Token embedding and output projection.
    pub embedding: u64,
    /// Projections of attention, biases included.
    pub attention: u64,
    /// Projections of the MLP, biases included.
    pub mlp: u64,
    /// Norms.
    pub norms: u64,
}

impl Parameters {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.embedding + self.attention + self.mlp + self.norms
    }
}
