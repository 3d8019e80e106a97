//! Reads a configuration from Hugging Face's `config.json`.

use serde_json::Value;

use crate::architecture::{self, Activation, Family, RopeStyle};
use crate::config::decoder_config::{ConfigFault, DecoderConfig, MOST_HEAD_DIM};
use crate::config::huggingface_rope::{RopeScaling, rope_base, rotary, window_rope_base};
use crate::config::infer;
use crate::error::{Error, Result};
use crate::json_file::JsonFile;

/// Each `model_type` with its family.
const TYPES: [(&str, &str); 7] = [
    ("llama", "llama"),
    ("mistral", "llama"),
    ("qwen2", "qwen2"),
    ("qwen3", "qwen3"),
    ("phi3", "phi3"),
    ("gemma3", "gemma3"),
    ("gemma3_text", "gemma3"),
];

/// Facts that only the weights contain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WeightFacts {
    /// Rows of the token embedding.
    pub vocab: usize,
    /// Whether there is an output projection.
    pub has_output: bool,
}

/// Returns the family of the model.
///
/// # Errors
/// [`Error::Architecture`] for one that is neither known nor can be inferred.
pub(crate) fn family(json: &JsonFile) -> Result<&'static Family> {
    let name = json.text("model_type")?;
    let mut types = TYPES.iter().filter(|(known, _)| *known == name);
    let known = types.next().and_then(|(_, name)| architecture::find(name));
    let found = known.map_or_else(|| infer::of_json(json), Ok);
    found.map_err(|why| Error::Architecture {
        path: json.path().to_owned(),
        found: name.to_owned(),
        why,
        supported: TYPES.map(|(name, _)| name).join(", "),
    })
}

/// Reads and checks a `config.json`.
///
/// # Errors
/// [`Error::Architecture`] for a family that is not supported, else
/// [`Error::File`] with the key at fault.
pub(crate) fn read(json: &JsonFile, facts: WeightFacts) -> Result<DecoderConfig> {
    let family = family(json)?;
    let heads = json.count("num_attention_heads")?;
    let width = json.count("hidden_size")?;
    let head_dim = json.count_or("head_dim", width / heads)?;
    let scaling = rotary(json, "full_attention");
    let key = "partial_rotary_factor";
    let partial = json.number_or(key, scaling.number_or(key, 1.0)?)?;
    let rope_dim = (head_dim as f32 * partial) as usize;
    for (key, value, most) in [
        ("head_dim", head_dim, MOST_HEAD_DIM),
        (key, rope_dim, head_dim),
    ] {
        if value > most {
            return Err(json.fault(key, "does not fit the other numbers"));
        }
    }
    let rope_base = rope_base(json, family, &scaling)?;
    let context_length = json.count("max_position_embeddings")?;
    let rope = RopeScaling::read(json, &scaling, context_length, (rope_base, rope_dim))?;
    let scaled_by = json.count_or("query_pre_attn_scalar", head_dim)?;
    let is_tied = json.get("tie_word_embeddings").and_then(Value::as_bool);
    let window = window(json)?;
    let config = DecoderConfig {
        architecture: match family.name {
            "" => json.text("model_type")?.to_owned(),
            name => name.to_owned(),
        },
        family,
        assumed: infer::assumed(family, window),
        name: json.text("_name_or_path").unwrap_or_default().to_owned(),
        layers: json.count("num_hidden_layers")?,
        width,
        hidden: json.count("intermediate_size")?,
        heads,
        kv_heads: json.count_or("num_key_value_heads", heads)?,
        head_dim,
        rope_dim,
        rope_style: RopeStyle::Halves,
        rope_factors: rope.factors,
        rope_base,
        window_rope_base: window_rope_base(json, family)?,
        rope_scale: rope.scale,
        rope_magnitude: rope.magnitude,
        original_context: rope.original_context,
        window,
        attention_scale: 1.0 / (scaled_by as f64).sqrt(),
        norm_eps: json.number_or("rms_norm_eps", 1e-6)?,
        context_length,
        vocab: facts.vocab,
        tied: !facts.has_output || is_tied == Some(true),
    };
    refuse_unsupported(json, &config)?;
    match config.fault() {
        Some(ConfigFault::RopeMagnitude) => {
            Err(scaling.fault("attention_factor", "is not positive"))
        }
        Some(fault) => Err(json.fault(fault.keys().1, "does not fit the other numbers")),
        None => Ok(config),
    }
}

fn window(json: &JsonFile) -> Result<Option<usize>> {
    let is_off = json.get("use_sliding_window").and_then(Value::as_bool) == Some(false);
    match json.get("sliding_window") {
        Some(_) if !is_off => json.count("sliding_window").map(Some),
        _ => Ok(None),
    }
}

/// Refuses structure that would give wrong numbers if it were ignored.
fn refuse_unsupported(json: &JsonFile, config: &DecoderConfig) -> Result<()> {
    let expected = match config.family.activation {
        Activation::Silu => "silu",
        Activation::GeluTanh => "gelu_pytorch_tanh",
    };
    for key in ["hidden_activation", "hidden_act"] {
        let found = json.get(key).and_then(Value::as_str);
        if found.is_some_and(|found| found != expected) {
            return Err(json.unsupported(key, "differs from the family's activation"));
        }
    }
    for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
        if json.get(key).is_some() {
            return Err(json.unsupported(key, "declares a soft cap"));
        }
    }
    let key = "use_sliding_window";
    if json.get(key).and_then(Value::as_bool) == Some(true) {
        return Err(json.unsupported(key, "declares windows in some layers only"));
    }
    let Some(kinds) = json.get("layer_types").and_then(Value::as_array) else {
        return Ok(());
    };
    let is_limited = |layer: usize| config.is_windowed(layer);
    let differs = |(layer, kind): (usize, &Value)| match kind.as_str() {
        Some("sliding_attention") => !is_limited(layer),
        Some("full_attention") => is_limited(layer),
        _ => true,
    };
    match kinds.iter().enumerate().any(differs) {
        true => Err(json.unsupported("layer_types", "differs from the family's order")),
        false => Ok(()),
    }
}
