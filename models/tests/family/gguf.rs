//! The GGUF file that a converter makes of a model.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use candle_core::Tensor;
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};

use super::{CONTEXT, EPS, Family, HEADS, HIDDEN, KV_HEADS, ROPE_BASE, WIDTH};

pub(super) fn write(
    family: &Family,
    path: &Path,
    tensors: HashMap<String, Tensor>,
    vocabulary: Vec<(String, Value)>,
) {
    let metadata = metadata(family, vocabulary);
    let metadata: Vec<_> = metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    let mut tensors: Vec<(String, QTensor)> = tensors
        .into_iter()
        .map(|(name, tensor)| converted(family, &name, &tensor))
        .collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let tensors: Vec<_> = tensors
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor))
        .collect();
    let mut file = BufWriter::new(File::create(path).unwrap());
    gguf_file::write(&mut file, &metadata, &tensors).unwrap();
}

fn metadata(family: &Family, vocabulary: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let count = |count: usize| Value::U32(count as u32);
    let of_family = [
        ("block_count", count(family.layers)),
        ("context_length", count(CONTEXT)),
        ("embedding_length", count(WIDTH)),
        ("feed_forward_length", count(HIDDEN)),
        ("attention.head_count", count(HEADS)),
        ("attention.head_count_kv", count(KV_HEADS)),
        ("attention.key_length", count(family.head_dim)),
        ("attention.value_length", count(family.head_dim)),
        ("attention.layer_norm_rms_epsilon", Value::F32(EPS as f32)),
        ("rope.dimension_count", count(family.head_dim)),
        ("rope.freq_base", Value::F32(ROPE_BASE as f32)),
    ];
    let window = family
        .window
        .map(|window| ("attention.sliding_window", count(window)));
    let of_family = of_family.into_iter().chain(window);
    let name = family.name;
    let named = of_family.map(|(key, value)| (format!("{name}.{key}"), value));
    let general = (
        "general.architecture".to_owned(),
        Value::String(name.to_owned()),
    );
    std::iter::once(general)
        .chain(named)
        .chain(vocabulary)
        .collect()
}

fn converted(family: &Family, name: &str, tensor: &Tensor) -> (String, QTensor) {
    let mut tensor = tensor.clone();
    if family.counts_norms_from_one && name.contains("norm") {
        tensor = (tensor + 1.0).unwrap();
    }
    if family.name == "llama" && name.contains("q_proj") {
        tensor = permuted(&tensor, HEADS);
    }
    if family.name == "llama" && name.contains("k_proj") {
        tensor = permuted(&tensor, KV_HEADS);
    }
    let tensor = QTensor::quantize(&tensor, GgmlDType::F32).unwrap();
    (renamed(family, name), tensor)
}

/// Llama's files pair channels `2i` and `2i + 1` where the model pairs `i` and `i + half`.
fn permuted(tensor: &Tensor, heads: usize) -> Tensor {
    let (rows, width) = tensor.dims2().unwrap();
    let halves = tensor.reshape((heads, 2, rows / heads / 2, width)).unwrap();
    let pairs = halves.transpose(1, 2).unwrap().contiguous().unwrap();
    pairs.reshape((rows, width)).unwrap()
}

fn renamed(family: &Family, name: &str) -> String {
    let whole = [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
    ];
    let (name, end) = name.rsplit_once('.').unwrap();
    if let Some((_, new)) = whole.iter().find(|(old, _)| *old == name) {
        return format!("{new}.{end}");
    }
    let rest = name.strip_prefix("model.layers.").unwrap();
    let (layer, part) = rest.split_once('.').unwrap();
    let part = match part {
        "input_layernorm" => "attn_norm",
        "post_attention_layernorm" if family.has_out_norms => "post_attention_norm",
        "post_attention_layernorm" | "pre_feedforward_layernorm" => "ffn_norm",
        "post_feedforward_layernorm" => "post_ffw_norm",
        "self_attn.q_proj" => "attn_q",
        "self_attn.k_proj" => "attn_k",
        "self_attn.v_proj" => "attn_v",
        "self_attn.qkv_proj" => "attn_qkv",
        "self_attn.o_proj" => "attn_output",
        "self_attn.q_norm" => "attn_q_norm",
        "self_attn.k_norm" => "attn_k_norm",
        "mlp.gate_proj" => "ffn_gate",
        "mlp.up_proj" | "mlp.gate_up_proj" => "ffn_up",
        "mlp.down_proj" => "ffn_down",
        other => panic!("no name for {other}"),
    };
    format!("blk.{layer}.{part}.{end}")
}
