//! The GGUF file that a converter makes of a model.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use candle_core::Tensor;
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};

use super::Family;

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
        .chain(factors(family))
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
        ("block_count", count(family.layers())),
        (
            "context_length",
            count(family.count("max_position_embeddings")),
        ),
        ("embedding_length", count(family.width())),
        (
            "feed_forward_length",
            count(family.count("intermediate_size")),
        ),
        ("attention.head_count", count(family.heads())),
        ("attention.head_count_kv", count(family.kv_heads())),
        ("attention.key_length", count(family.head_dim())),
        ("attention.value_length", count(family.head_dim())),
        (
            "attention.layer_norm_rms_epsilon",
            number(&family.config["rms_norm_eps"]),
        ),
        ("rope.dimension_count", count(family.rope_dim())),
        ("rope.freq_base", number(&family.config["rope_theta"])),
    ];
    let window = family
        .window()
        .map(|window| ("attention.sliding_window", count(window)));
    let of_family = of_family.into_iter().chain(window).chain(scaling(family));
    let name = family.architecture();
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

fn number(value: &serde_json::Value) -> Value {
    Value::F32(value.as_f64().unwrap() as f32)
}

/// Returns the metadata of the rotary embedding's scaling, without tensors.
fn scaling(family: &Family) -> Vec<(&'static str, Value)> {
    let scaling = &family.config["rope_scaling"];
    match scaling["rope_type"].as_str() {
        Some("linear") => vec![
            ("rope.scaling.type", Value::String("linear".into())),
            ("rope.scaling.factor", number(&scaling["factor"])),
        ],
        Some("longrope") => {
            let original = family.count("original_max_position_embeddings");
            let context = family.count("max_position_embeddings");
            let (stretch, original_f) = ((context / original) as f64, original as f64);
            let magnitude = (1.0 + stretch.ln() / original_f.ln()).sqrt();
            vec![
                (
                    "rope.scaling.original_context_length",
                    Value::U32(original as u32),
                ),
                ("rope.scaling.attn_factor", Value::F32(magnitude as f32)),
            ]
        }
        _ => Vec::new(),
    }
}

/// Returns the divisors of the rotary frequencies: a tensor that a converter adds.
fn factors(family: &Family) -> Vec<(String, QTensor)> {
    let scaling = &family.config["rope_scaling"];
    let listed = |key: &str| -> Vec<f32> { serde_json::from_value(scaling[key].clone()).unwrap() };
    let factors = match scaling["rope_type"].as_str() {
        Some("llama3") => vec![("rope_freqs", llama3(family, scaling))],
        Some("longrope") => vec![
            ("rope_factors_short", listed("short_factor")),
            ("rope_factors_long", listed("long_factor")),
        ],
        _ => Vec::new(),
    };
    let tensor = |(name, factors): (&str, Vec<f32>)| {
        let factors = Tensor::new(factors, &candle_core::Device::Cpu).unwrap();
        let tensor = QTensor::quantize(&factors, GgmlDType::F32).unwrap();
        (format!("{name}.weight"), tensor)
    };
    factors.into_iter().map(tensor).collect()
}

/// By wave length, as Llama 3.1 defines it.
fn llama3(family: &Family, scaling: &serde_json::Value) -> Vec<f32> {
    let of = |key: &str| scaling[key].as_f64().unwrap();
    let context = of("original_max_position_embeddings");
    let (low, high) = (of("low_freq_factor"), of("high_freq_factor"));
    let base = family.config["rope_theta"].as_f64().unwrap();
    let dim = family.rope_dim();
    let factor = |i: usize| {
        let length = std::f64::consts::TAU * base.powf((2 * i) as f64 / dim as f64);
        if length < context / high {
            return 1.0;
        }
        if length > context / low {
            return of("factor");
        }
        let smooth = (context / length - low) / (high - low);
        1.0 / ((1.0 - smooth) / of("factor") + smooth)
    };
    (0..dim / 2).map(|i| factor(i) as f32).collect()
}

fn converted(family: &Family, name: &str, tensor: &Tensor) -> (String, QTensor) {
    let mut tensor = tensor.clone();
    if family.is("gemma3") && name.contains("norm") {
        tensor = (tensor + 1.0).unwrap();
    }
    if family.is("llama") && name.contains("q_proj") {
        tensor = permuted(&tensor, family.heads());
    }
    if family.is("llama") && name.contains("k_proj") {
        tensor = permuted(&tensor, family.kv_heads());
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
        "post_attention_layernorm" if family.is("gemma3") => "post_attention_norm",
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
