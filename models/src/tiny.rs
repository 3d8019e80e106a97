//! Test support: tiny Llama files with random weights.
//!
//! Such a model generates nonsense, but it loads in milliseconds, runs every code path of
//! a real one, and computes the same numbers everywhere for the same seed.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

use crate::error::{Error, Result};
use crate::random::Random;
use crate::tokenizer;

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
    /// Type of the matrices.
    pub dtype: GgmlDType,
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
            dtype: GgmlDType::F32,
            tied: true,
            seed: 42,
        }
    }
}

/// Special tokens, then one token per byte, then a few merged ones.
const SPECIAL: [&str; 3] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
const MERGES: [(&str, &str); 5] = [
    ("h", "e"),
    ("l", "l"),
    ("he", "ll"),
    ("hell", "o"),
    ("Ġ", "t"),
];
const TEMPLATE: &str = "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n";

/// Tokens in every tiny vocabulary.
pub const VOCAB: usize = SPECIAL.len() + 256 + MERGES.len();

/// Writes a model file.
///
/// # Errors
/// If the file cannot be written or `dtype` does not fit the widths.
pub fn write_gguf(path: impl AsRef<Path>, config: &TinyConfig) -> Result<()> {
    let path = path.as_ref();
    let file = File::create(path).map_err(|error| Error::io(path, error))?;
    let (metadata, tensors) = (metadata(config), Weights::new(config).all()?);
    let metadata: Vec<_> = metadata.iter().map(|(key, value)| (*key, value)).collect();
    let tensors: Vec<_> = tensors
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor))
        .collect();
    gguf_file::write(&mut BufWriter::new(file), &metadata, &tensors)?;
    Ok(())
}

fn metadata(config: &TinyConfig) -> Vec<(&'static str, Value)> {
    let text = |text: &str| Value::String(text.to_owned());
    let count = |count: usize| Value::U32(count as u32);
    let of_model = [
        ("general.architecture", text("llama")),
        ("general.name", text("tiny")),
        ("llama.block_count", count(config.layers)),
        ("llama.context_length", count(config.context_length)),
        ("llama.embedding_length", count(config.width)),
        ("llama.feed_forward_length", count(config.hidden)),
        ("llama.attention.head_count", count(config.heads)),
        ("llama.attention.head_count_kv", count(config.kv_heads)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        (
            "llama.rope.dimension_count",
            count(config.width / config.heads),
        ),
        ("llama.rope.freq_base", Value::F32(10_000.0)),
    ];
    of_model.into_iter().chain(vocabulary()).collect()
}

/// Metadata of the vocabulary that every tiny model has.
pub fn vocabulary() -> Vec<(&'static str, Value)> {
    let text = |text: &str| Value::String(text.to_owned());
    let count = |count: usize| Value::U32(count as u32);
    vec![
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text("smollm")),
        (
            "tokenizer.ggml.tokens",
            Value::Array(tokens().map(Value::String).collect()),
        ),
        (
            "tokenizer.ggml.token_type",
            Value::Array(types().map(Value::I32).collect()),
        ),
        (
            "tokenizer.ggml.merges",
            Value::Array(merges().map(Value::String).collect()),
        ),
        ("tokenizer.ggml.bos_token_id", count(1)),
        ("tokenizer.ggml.eos_token_id", count(2)),
        ("tokenizer.ggml.add_bos_token", Value::Bool(false)),
        ("tokenizer.chat_template", text(TEMPLATE)),
    ]
}

fn tokens() -> impl Iterator<Item = String> {
    let special = SPECIAL.iter().map(|token| token.to_string());
    let bytes = (0..=255).map(|byte| tokenizer::encode_byte(byte).to_string());
    let merged = MERGES.iter().map(|(left, right)| format!("{left}{right}"));
    special.chain(bytes).chain(merged)
}

fn types() -> impl Iterator<Item = i32> {
    (0..VOCAB).map(|id| if id < SPECIAL.len() { 3 } else { 1 })
}

fn merges() -> impl Iterator<Item = String> {
    MERGES.iter().map(|(left, right)| format!("{left} {right}"))
}

/// Draws tensors in a fixed order.
struct Weights<'c> {
    config: &'c TinyConfig,
    random: Random,
}

type Named = (String, QTensor);

impl<'c> Weights<'c> {
    fn new(config: &'c TinyConfig) -> Self {
        Self {
            config,
            random: Random::new(config.seed),
        }
    }

    fn all(mut self) -> Result<Vec<Named>> {
        let TinyConfig {
            layers,
            width,
            tied,
            ..
        } = *self.config;
        let mut all = vec![self.matrix("token_embd", VOCAB, width)?];
        for layer in 0..layers {
            all.extend(self.block(&format!("blk.{layer}"))?);
        }
        all.push(self.norm("output_norm")?);
        if !tied {
            all.push(self.matrix("output", VOCAB, width)?);
        }
        Ok(all)
    }

    fn block(&mut self, at: &str) -> Result<Vec<Named>> {
        let TinyConfig {
            width,
            hidden,
            heads,
            kv_heads,
            ..
        } = *self.config;
        let shared = width / heads * kv_heads;
        Ok(vec![
            self.norm(&format!("{at}.attn_norm"))?,
            self.matrix(&format!("{at}.attn_q"), width, width)?,
            self.matrix(&format!("{at}.attn_k"), shared, width)?,
            self.matrix(&format!("{at}.attn_v"), shared, width)?,
            self.matrix(&format!("{at}.attn_output"), width, width)?,
            self.norm(&format!("{at}.ffn_norm"))?,
            self.matrix(&format!("{at}.ffn_gate"), hidden, width)?,
            self.matrix(&format!("{at}.ffn_up"), hidden, width)?,
            self.matrix(&format!("{at}.ffn_down"), width, hidden)?,
        ])
    }

    fn matrix(&mut self, name: &str, rows: usize, width: usize) -> Result<Named> {
        let spread = 2.0 / (width as f64).sqrt();
        let numbers = self.numbers(rows * width, 0.0, spread);
        let tensor = Tensor::from_vec(numbers, (rows, width), &Device::Cpu)?;
        Ok((
            format!("{name}.weight"),
            QTensor::quantize(&tensor, self.config.dtype)?,
        ))
    }

    fn norm(&mut self, name: &str) -> Result<Named> {
        let width = self.config.width;
        let tensor = Tensor::from_vec(self.numbers(width, 1.0, 0.2), width, &Device::Cpu)?;
        Ok((
            format!("{name}.weight"),
            QTensor::quantize(&tensor, GgmlDType::F32)?,
        ))
    }

    fn numbers(&mut self, count: usize, centre: f64, spread: f64) -> Vec<f32> {
        let mut number = || (centre + spread * (2.0 * self.random.unit() - 1.0)) as f32;
        (0..count).map(|_| number()).collect()
    }
}
