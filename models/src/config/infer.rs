//! Infers the family of an unknown architecture whose tensors and settings are those of a
//! plain decoder. Facts that no file states are assumed and reported.

use serde_json::Value;

use crate::architecture::{Activation, Family, inferred};
use crate::json_file::JsonFile;
use crate::weights::gguf::Gguf;
use crate::weights::stored::Weights as _;

/// Tensors that every layer of such a decoder has, by one of these names.
const NEEDED: [&[&str]; 6] = [
    &["token_embd.weight"],
    &["blk.0.attn_norm.weight"],
    &["blk.0.attn_q.weight", "blk.0.attn_qkv.weight"],
    &["blk.0.attn_output.weight"],
    &["blk.0.ffn_norm.weight"],
    &["blk.0.ffn_down.weight"],
];

/// Settings under the architecture's prefix that are read, or concern training only.
const UNDERSTOOD: [&str; 19] = [
    "block_count",
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "vocab_size",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "attention.layer_norm_rms_epsilon",
    "attention.sliding_window",
    "expert_count",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.scaling.type",
    "rope.scaling.factor",
    "rope.scaling.attn_factor",
    "rope.scaling.original_context_length",
    "rope.scaling.finetuned",
];

/// Parts of the names of settings that change the result and are not read.
const STRANGE: [&str; 7] = [
    "multiplier",
    "logits_scaling",
    "logit_scale",
    "scale_",
    "expert",
    "no_rope",
    "softcap",
];

/// Infers a family for the file's architecture.
///
/// # Errors
/// Names the tensor that is missing, or the setting that is not understood.
pub(super) fn of_gguf(gguf: &Gguf, name: &str) -> Result<&'static Family, String> {
    for names in NEEDED {
        if !names.iter().any(|tensor| gguf.has(tensor)) {
            return Err(format!("there is no tensor `{}`", names[0]));
        }
    }
    if !gguf.metadata().contains_key(&format!("{name}.block_count")) {
        return Err(format!("there is no setting `{name}.block_count`"));
    }
    let keys = gguf.metadata().keys();
    let mut of_model: Vec<&str> = keys.filter_map(|key| own(key, name)).collect();
    of_model.sort_unstable();
    match of_model.iter().find(|key| !UNDERSTOOD.contains(key)) {
        Some(key) => Err(format!("its setting `{name}.{key}` is not understood")),
        None => Ok(inferred(Activation::Silu)),
    }
}

/// Strips the architecture's prefix from a key.
fn own<'k>(key: &'k str, name: &str) -> Option<&'k str> {
    key.strip_prefix(name)?.strip_prefix('.')
}

/// Infers a family for the model of a folder; missing tensors are found when they are read.
pub(super) fn of_json(json: &JsonFile) -> Result<&'static Family, String> {
    let mut keys = json.keys();
    let is_strange = |key: &str| {
        let is_set = json
            .get(key)
            .is_some_and(|value| *value != Value::Bool(false));
        is_set && STRANGE.iter().any(|part| key.contains(part))
    };
    if let Some(key) = keys.find(|key| is_strange(key)) {
        return Err(format!("its setting `{key}` is not understood"));
    }
    let activation = ["hidden_activation", "hidden_act"].map(|key| json.get(key));
    let activation = activation.into_iter().flatten().find_map(Value::as_str);
    match activation {
        Some("silu") => Ok(inferred(Activation::Silu)),
        Some("gelu_pytorch_tanh") => Ok(inferred(Activation::GeluTanh)),
        other => Err(format!(
            "its activation is {}, neither silu nor gelu_pytorch_tanh",
            other.unwrap_or("not stated")
        )),
    }
}

/// Lists the assumptions about an inferred family; empty for a known one.
pub(super) fn assumed(family: &Family, window: Option<usize>) -> Vec<String> {
    if !family.name.is_empty() {
        return Vec::new();
    }
    let activation = match family.activation {
        Activation::Silu => "SiLU",
        Activation::GeluTanh => "GELU by tanh",
    };
    let mut all = vec![
        "the rotary embedding pairs the two halves of a head".to_owned(),
        format!("the MLP's activation is {activation}"),
        "norms multiply by their weight".to_owned(),
        "scores are divided by the root of a head's width, embeddings and logits by nothing"
            .to_owned(),
        "every layer applies the rotary embedding".to_owned(),
    ];
    if let Some(window) = window {
        all.push(format!(
            "every layer attends to a window of {window} positions"
        ));
    }
    all
}
