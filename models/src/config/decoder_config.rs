//! The numbers that shape a decoder.

use crate::architecture::{Family, LayerPattern, NormKind};
use crate::config::experts::ExpertConfig;
use crate::config::rope::RopeConfig;

/// Wider heads indicate damage: rotary factors are allocated for each channel.
pub(super) const MOST_HEAD_DIM: usize = 1 << 14;
/// More layers indicate damage: memory is computed layer by layer before tensors are read.
const MOST_LAYERS: usize = 1 << 14;

/// Shape of a decoder. Widths are in channels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecoderConfig {
    /// `general.architecture`, or `model_type`.
    pub architecture: String,
    /// The model family.
    pub family: Family,
    /// Assumptions about an unknown architecture or setting.
    pub assumed: Vec<String>,
    /// `general.name`, empty if the file has none.
    pub name: String,
    /// Transformer blocks.
    pub layers: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Width inside of the MLP.
    pub hidden: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Rotary embedding.
    pub rope: RopeConfig,
    /// Layers that apply the rotary embedding.
    pub rotated: Layers,
    /// Positions that windowed layers attend to, the position itself included.
    pub window: Option<usize>,
    /// Layers with the window, if there is one.
    pub windows: Layers,
    /// Attention and MLP both receive the layer's input.
    pub is_parallel: bool,
    /// Factors and caps.
    pub scales: Scales,
    /// Mixture of experts.
    pub experts: Option<ExpertConfig>,
    /// Epsilon of the norms.
    pub norm_eps: f32,
    /// Context length in positions.
    pub context_length: usize,
    /// Tokens in the vocabulary.
    pub vocab: usize,
    /// Whether the output projection is the token embedding.
    pub tied: bool,
}

/// Factors and caps of a decoder; `None` changes nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scales {
    /// Factor of token vectors.
    pub embedding: Option<f64>,
    /// Factor of what attention and MLP add to the residual stream.
    pub residual: Option<f64>,
    /// Factor of attention scores.
    pub attention: f64,
    /// Attention scores `s` become `cap * tanh(s / cap)`.
    pub attention_cap: Option<f64>,
    /// Divisor of the logits.
    pub logits: Option<f64>,
    /// Logits `x` become `cap * tanh(x / cap)`.
    pub logit_cap: Option<f64>,
}

/// A set of layers: the family's, or the one that the file lists.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Layers {
    /// By a rule.
    Pattern(LayerPattern),
    /// Listed one by one.
    Listed(Vec<bool>),
}

impl Layers {
    /// Whether the layer with this index belongs to the set.
    pub(crate) fn contains(&self, layer: usize) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.contains(layer),
            Self::Listed(layers) => layers.get(layer).copied().unwrap_or(false),
        }
    }
}

impl DecoderConfig {
    /// Whether the layer with this index attends to a window only.
    pub(crate) fn is_windowed(&self, layer: usize) -> bool {
        self.window.is_some() && self.windows.contains(layer)
    }

    /// Returns the window of the layer with this index, if it has one.
    pub(crate) fn window_of(&self, layer: usize) -> Option<usize> {
        self.window.filter(|_| self.is_windowed(layer))
    }

    /// Whether the layer with this index applies the rotary embedding.
    pub(crate) fn is_rotated(&self, layer: usize) -> bool {
        let is_outside = self.window.is_some() && !self.is_windowed(layer);
        self.rotated.contains(layer) && !(self.family.rotates_windows_only && is_outside)
    }

    /// Returns the number that does not fit the others.
    pub(super) fn fault(&self) -> Option<ConfigFault> {
        let (rope, scales) = (&self.rope, &self.scales);
        let is_wrong = |number: Option<f64>| number.is_some_and(|n| !n.is_finite() || n == 0.0);
        let is_no_cap = |cap: Option<f64>| cap.is_some_and(|cap| !cap.is_finite() || cap <= 0.0);
        let faults = [
            (
                ConfigFault::KvHeads,
                !self.heads.is_multiple_of(self.kv_heads),
            ),
            (
                ConfigFault::HeadDim,
                self.head_dim == 0 || self.head_dim > MOST_HEAD_DIM,
            ),
            (ConfigFault::Heads, self.heads > 1 << 14),
            (ConfigFault::Layers, self.layers > MOST_LAYERS),
            (
                ConfigFault::RopeDim,
                rope.dim % 2 == 1 || rope.dim == 0 || rope.dim > self.head_dim,
            ),
            (ConfigFault::RopeBase, rope.base <= 0.0),
            (
                ConfigFault::RopeMagnitude,
                !rope.magnitude.is_finite() || rope.magnitude <= 0.0,
            ),
            (ConfigFault::NormEps(self.family.norm), self.norm_eps < 0.0),
            (ConfigFault::Context, self.context_length > 1 << 27),
            (ConfigFault::EmbeddingScale, is_wrong(scales.embedding)),
            (ConfigFault::ResidualScale, is_wrong(scales.residual)),
            (
                ConfigFault::AttentionScale,
                is_wrong(Some(scales.attention)),
            ),
            (ConfigFault::LogitScale, is_wrong(scales.logits)),
            (ConfigFault::AttentionCap, is_no_cap(scales.attention_cap)),
            (ConfigFault::LogitCap, is_no_cap(scales.logit_cap)),
        ];
        let mut found = faults.into_iter().filter(|(_, at_fault)| *at_fault);
        found.next().map(|(fault, _)| fault)
    }
}

/// A number that does not fit the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConfigFault {
    KvHeads,
    HeadDim,
    Heads,
    Layers,
    RopeDim,
    RopeBase,
    RopeMagnitude,
    NormEps(NormKind),
    Context,
    EmbeddingScale,
    ResidualScale,
    AttentionScale,
    LogitScale,
    AttentionCap,
    LogitCap,
}

impl ConfigFault {
    /// Returns its key in a GGUF file and in a `config.json`.
    pub(super) const fn keys(self) -> (&'static str, &'static str) {
        match self {
            Self::KvHeads => ("attention.head_count_kv", "num_key_value_heads"),
            Self::HeadDim => ("attention.key_length", "head_dim"),
            Self::Heads => ("attention.head_count", "num_attention_heads"),
            Self::Layers => ("block_count", "num_hidden_layers"),
            Self::RopeDim => ("rope.dimension_count", "partial_rotary_factor"),
            Self::RopeBase => ("rope.freq_base", "rope_theta"),
            Self::RopeMagnitude => ("rope.scaling.attn_factor", "attention_factor"),
            Self::NormEps(NormKind::Rms) => ("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
            Self::NormEps(NormKind::Layer) => ("attention.layer_norm_epsilon", "layer_norm_eps"),
            Self::Context => ("context_length", "max_position_embeddings"),
            Self::EmbeddingScale => ("embedding_scale", "embedding_multiplier"),
            Self::ResidualScale => ("residual_scale", "residual_multiplier"),
            Self::AttentionScale => ("attention.scale", "attention_multiplier"),
            Self::LogitScale => ("logit_scale", "logits_scaling"),
            Self::AttentionCap => ("attn_logit_softcapping", "attn_logit_softcapping"),
            Self::LogitCap => ("final_logit_softcapping", "final_logit_softcapping"),
        }
    }
}
