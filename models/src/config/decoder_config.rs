//! The numbers that shape a decoder.

use crate::architecture::{Family, RopeStyle};
use crate::config::rope_scaling::Factors;

/// Wider heads indicate damage: rotary factors are allocated for each channel.
pub(super) const MOST_HEAD_DIM: usize = 1 << 14;

/// Shape of a decoder. Widths are in channels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecoderConfig {
    /// `general.architecture`, or `model_type`.
    pub architecture: String,
    /// The model family.
    pub family: &'static Family,
    /// Assumptions about an inferred family.
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
    /// Leading channels of a head that the rotary embedding rotates.
    pub rope_dim: usize,
    /// Pairing of channels.
    pub rope_style: RopeStyle,
    /// Divisors of the rotary frequencies, if the configuration states them; else they are
    /// read from the weights.
    pub rope_factors: Factors,
    /// Base of the rotary frequencies.
    pub rope_base: f32,
    /// Base of windowed layers, if it differs.
    pub window_rope_base: Option<f32>,
    /// Positions are divided by this (linear context scaling).
    pub rope_scale: f32,
    /// Factor of cosines and sines (LongRoPE).
    pub rope_magnitude: f32,
    /// Positions that the model was first trained for, before its context was extended.
    pub original_context: usize,
    /// Positions that windowed layers attend to, the position itself included.
    pub window: Option<usize>,
    /// Factor of attention scores.
    pub attention_scale: f64,
    /// Epsilon of the norms.
    pub norm_eps: f32,
    /// Context length in positions.
    pub context_length: usize,
    /// Tokens in the vocabulary.
    pub vocab: usize,
    /// Whether the output projection is the token embedding.
    pub tied: bool,
}

impl DecoderConfig {
    /// Whether the layer with this index attends to a window only.
    pub(crate) fn is_windowed(&self, layer: usize) -> bool {
        self.window.is_some() && self.family.windows.limits(layer)
    }

    /// Returns the number that does not fit the others.
    pub(super) fn fault(&self) -> Option<ConfigFault> {
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
            (
                ConfigFault::RopeDim,
                self.rope_dim % 2 == 1 || self.rope_dim == 0 || self.rope_dim > self.head_dim,
            ),
            (ConfigFault::RopeBase, self.rope_base <= 0.0),
            (
                ConfigFault::RopeMagnitude,
                !self.rope_magnitude.is_finite() || self.rope_magnitude <= 0.0,
            ),
            (ConfigFault::NormEps, self.norm_eps < 0.0),
            (ConfigFault::Context, self.context_length > 1 << 27),
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
    RopeDim,
    RopeBase,
    RopeMagnitude,
    NormEps,
    Context,
}

impl ConfigFault {
    /// Returns its key in a GGUF file and in a `config.json`.
    pub(super) const fn keys(self) -> (&'static str, &'static str) {
        match self {
            Self::KvHeads => ("attention.head_count_kv", "num_key_value_heads"),
            Self::HeadDim => ("attention.key_length", "head_dim"),
            Self::Heads => ("attention.head_count", "num_attention_heads"),
            Self::RopeDim => ("rope.dimension_count", "partial_rotary_factor"),
            Self::RopeBase => ("rope.freq_base", "rope_theta"),
            Self::RopeMagnitude => ("rope.scaling.attn_factor", "attention_factor"),
            Self::NormEps => ("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
            Self::Context => ("context_length", "max_position_embeddings"),
        }
    }
}
