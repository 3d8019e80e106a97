//! The GGUF file of a tiny model.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use candle_core::quantized::gguf_file::{self, Value};

use crate::error::{Error, Result};
use crate::tiny::tiny_config::TinyConfig;
use crate::tiny::vocabulary::vocabulary;
use crate::tiny::weights::TinyWeights;

/// Writes a model file.
///
/// # Errors
/// If the file cannot be written or `dtype` does not fit the widths.
pub fn write_gguf(path: impl AsRef<Path>, config: &TinyConfig) -> Result<()> {
    let path = path.as_ref();
    let file = File::create(path).map_err(|error| Error::io(path, error))?;
    let (metadata, tensors) = (metadata(config), TinyWeights::new(config).all()?);
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
    let of_experts = [
        ("llama.expert_count", count(config.experts)),
        ("llama.expert_used_count", count(config.active_experts)),
    ];
    let of_experts = of_experts.into_iter().filter(|_| config.experts > 0);
    let all = of_model.into_iter().chain(of_experts);
    all.chain(vocabulary()).collect()
}
