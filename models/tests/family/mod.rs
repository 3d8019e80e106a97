//! Tiny models of every family, by the names of `config.json` and of the tensors that
//! Hugging Face gives them, and as the GGUF file that a converter makes of them.

pub mod folder;
mod gguf;
mod weights;

use std::collections::HashMap;
use std::path::Path;

use candle_core::Tensor;
use candle_core::quantized::gguf_file;
use energy_models::tiny::{self, VOCAB};
use serde_json::{Value, json};

/// A tiny model of a family.
#[derive(Clone)]
pub struct Family {
    /// `general.architecture` of its GGUF file.
    pub name: &'static str,
    /// Transformer blocks.
    pub layers: usize,
    /// Positions of a sliding window.
    pub window: Option<usize>,
    /// Width of a head.
    pub head_dim: usize,
    /// Projections of queries, keys and values are one tensor, those of the MLP too.
    pub is_fused: bool,
    /// Queries, keys and values have a bias.
    pub has_bias: bool,
    /// Queries and keys have a norm.
    pub has_head_norms: bool,
    /// What attention and MLP add has a norm.
    pub has_out_norms: bool,
    /// Norms multiply by 1 + weight.
    pub counts_norms_from_one: bool,
    /// The output projection is the token embedding.
    pub is_tied: bool,
}

pub const WIDTH: usize = 64;
pub const HIDDEN: usize = 96;
pub const HEADS: usize = 4;
pub const KV_HEADS: usize = 2;
pub const CONTEXT: usize = 256;
pub const EPS: f64 = 1e-6;
pub const ROPE_BASE: f64 = 50_000.0;

/// A family without anything special.
const PLAIN: Family = Family {
    name: "llama",
    layers: 2,
    window: None,
    head_dim: WIDTH / HEADS,
    is_fused: false,
    has_bias: false,
    has_head_norms: false,
    has_out_norms: false,
    counts_norms_from_one: false,
    is_tied: false,
};

/// Each family with all that it has.
pub const FAMILIES: [Family; 5] = [
    PLAIN,
    Family {
        name: "qwen2",
        has_bias: true,
        is_tied: true,
        ..PLAIN
    },
    Family {
        name: "qwen3",
        head_dim: 24,
        has_head_norms: true,
        is_tied: true,
        ..PLAIN
    },
    Family {
        name: "phi3",
        is_fused: true,
        ..PLAIN
    },
    Family {
        name: "gemma3",
        layers: 7,
        window: Some(12),
        head_dim: 24,
        has_head_norms: true,
        has_out_norms: true,
        counts_norms_from_one: true,
        is_tied: true,
        ..PLAIN
    },
];

impl Family {
    /// As `config.json` has it.
    pub fn config(&self) -> Value {
        let activation = match self.name {
            "gemma3" => "gelu_pytorch_tanh",
            _ => "silu",
        };
        json!({
            "model_type": self.name,
            "vocab_size": VOCAB,
            "hidden_size": WIDTH,
            "intermediate_size": HIDDEN,
            "num_hidden_layers": self.layers,
            "num_attention_heads": HEADS,
            "num_key_value_heads": KV_HEADS,
            "head_dim": self.head_dim,
            "max_position_embeddings": CONTEXT,
            "sliding_window": self.window.unwrap_or(CONTEXT),
            "sliding_window_pattern": 6,
            "max_window_layers": self.layers,
            "use_sliding_window": if self.name == "gemma3" { Value::Null } else { false.into() },
            "tie_word_embeddings": self.is_tied,
            "rope_theta": ROPE_BASE,
            "rope_local_base_freq": 10_000.0,
            "rms_norm_eps": EPS,
            "hidden_act": activation,
            "hidden_activation": activation,
            "attention_bias": false,
            "query_pre_attn_scalar": self.head_dim,
        })
    }

    /// Its weights by Hugging Face's names.
    pub fn tensors(&self) -> HashMap<String, Tensor> {
        weights::all(self, VOCAB)
    }

    /// Writes the file that a converter makes of it.
    pub fn write_gguf(&self, path: &Path) {
        let vocabulary = tiny::vocabulary();
        let named = vocabulary
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        gguf::write(self, path, self.tensors(), named.collect());
    }

    /// The same with another vocabulary of so many tokens.
    pub fn write_gguf_with(
        &self,
        path: &Path,
        tokens: usize,
        vocabulary: Vec<(String, gguf_file::Value)>,
    ) {
        gguf::write(self, path, weights::all(self, tokens), vocabulary);
    }
}
