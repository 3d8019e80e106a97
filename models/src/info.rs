//! Options for loading a model, and information about the loaded model.

use candle_core::Device;

use crate::device_work::DeviceSync;
use crate::instrument::depth::Depth;
use crate::layers::cache_format::CacheFormat;
use crate::memory::{LoadedAs, Memory};
use crate::weights::precision::{Prefill, Requantize};

/// Options for loading a model.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Conversion of the weights.
    pub requantize: Requantize,
    /// Weights of passes of several positions.
    pub prefill: Prefill,
    /// Number format of the key-value cache.
    pub cache: CacheFormat,
    /// Device of the tensors; see [`device::parse`](crate::device::parse).
    pub device: Device,
    /// Depth of the spans, which selects the kernels.
    pub depth: Depth,
    /// Spans that wait for the device; without effect on the CPU.
    pub sync: DeviceSync,
    /// Runs an architecture that is not in [`FAMILIES`](crate::architecture::FAMILIES) as a
    /// plain decoder, and ignores settings that are unknown. The model's answers are wrong if
    /// an assumption, listed in [`ModelInfo::assumed`], does not hold.
    pub assume: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            requantize: Requantize::Auto,
            prefill: Prefill::Same,
            cache: CacheFormat::F32,
            device: Device::Cpu,
            depth: Depth::default(),
            sync: DeviceSync::default(),
            assume: false,
        }
    }
}

impl LoadOptions {
    /// Returns the options that determine the memory.
    pub(crate) fn loaded_as(&self) -> LoadedAs {
        LoadedAs {
            requantize: self.requantize,
            prefill: self.prefill,
            cache: self.cache,
            is_on_cpu: self.device.is_cpu(),
            is_deep: self.depth.is_deep(),
        }
    }
}

/// Description of a model, for the metadata of a run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelInfo {
    /// Architecture, such as `llama`.
    pub architecture: String,
    /// Assumptions about an unknown architecture or setting; the model's answers are wrong if
    /// one of them does not hold. Empty unless [`LoadOptions::assume`] is set.
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
    /// Weights that one token uses: all but those of experts that it does not choose.
    pub active_parameters: u64,
    /// Weights by part of the model.
    pub parts: Parameters,
    /// Experts; `None` if no layer has them.
    pub experts: Option<ExpertInfo>,
    /// Sliding window in positions; `None` if no layer has one.
    pub window: Option<usize>,
    /// Layers with a sliding window.
    pub windowed_layers: usize,
    /// Number formats of the matrices, such as `q4_1->q8_0`.
    pub precision: String,
    /// Context length in positions.
    pub context_length: usize,
    /// Bytes of the matrices in memory.
    pub weight_bytes: usize,
    /// Bytes of the copies of matrices that kernels read; made while loading.
    pub packed_bytes: usize,
    /// Bytes of the additional matrices of prefill; see [`Prefill`].
    pub prefill_bytes: usize,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// `cpu`, `cuda` or `metal`; with its number if that is not 0, such as `cuda:1`.
    pub device: String,
    /// Memory that the model needs, the same as before loading.
    pub memory: Memory,
    /// Whether the output projection is the token embedding.
    pub is_tied: bool,
    /// Choices between files that contradict each other or lack something.
    pub notes: Vec<String>,
}

impl ModelInfo {
    /// Returns how queries share keys and values: `multi-head`, `grouped-query` or
    /// `multi-query`.
    pub fn attention_kind(&self) -> &'static str {
        match self.kv_heads {
            1 if self.heads > 1 => "multi-query",
            kv_heads if kv_heads < self.heads => "grouped-query",
            _ => "multi-head",
        }
    }

    /// Returns the number of query heads that share one key head.
    pub fn queries_per_kv_head(&self) -> usize {
        self.heads / self.kv_heads.max(1)
    }

    /// Returns the bytes of the key-value cache for each position that all layers keep.
    pub fn kv_bytes_per_token(&self) -> u64 {
        self.memory.cache_bytes_per_token
    }

    /// Returns the floating-point operations of one token in products with weights: two for
    /// each weight. The embedding is looked up, which needs none.
    pub fn flops_per_token(&self) -> u64 {
        let table = (self.vocab * self.width) as u64;
        let looked_up = if self.is_tied { 0 } else { table };
        let multiplied = self
            .active_parameters
            .saturating_sub(looked_up + self.parts.norms);
        2 * multiplied
    }

    /// Returns the floating-point operations of one token in products with keys and values,
    /// for each position that it attends to.
    pub fn flops_per_position(&self) -> u64 {
        4 * (self.layers * self.heads * self.head_dim) as u64
    }
}

/// A mixture of experts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExpertInfo {
    /// Experts in each of these layers.
    pub count: usize,
    /// Experts that each token chooses.
    pub active: usize,
    /// Layers with experts.
    pub layers: usize,
    /// Width inside of an expert in channels.
    pub hidden: usize,
    /// Width inside of the expert that all tokens use in channels; `None` if there is none.
    pub shared_hidden: Option<usize>,
}

/// Number of weights by part of the model, each counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Parameters {
    /// Token embedding and output projection.
    pub embedding: u64,
    /// Projections of attention, biases included.
    pub attention: u64,
    /// Projections of the MLP, of routers and of experts that all tokens use, biases included.
    pub mlp: u64,
    /// Projections of experts that tokens choose.
    pub experts: u64,
    /// Norms.
    pub norms: u64,
}

impl Parameters {
    /// Returns the sum of all parts.
    pub fn total(&self) -> u64 {
        self.embedding + self.attention + self.mlp + self.experts + self.norms
    }
}
