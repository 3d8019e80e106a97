//! Reads a configuration from Hugging Face's `config.json`.

use serde_json::Value;

use crate::architecture::{self, Activation, Family, LayerPattern, ResidualKind};
use crate::config::assumptions::{self, UnknownArchitecture};
use crate::config::decoder_config::{ConfigFault, DecoderConfig, Layers, MOST_HEAD_DIM, Scales};
use crate::config::huggingface_experts::experts;
use crate::config::huggingface_keys::{self, SettingsObject};
use crate::config::huggingface_rope::{self, rotary};
use crate::error::Result;
use crate::json_file::JsonFile;

/// Facts that only the weights contain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WeightFacts {
    /// Rows of the token embedding.
    pub vocab: usize,
    /// Whether there is an output projection.
    pub has_output: bool,
}

/// Returns the family of the model; `assume` accepts one that is unknown.
///
/// # Errors
/// [`Error::Architecture`](crate::Error::Architecture) for an unknown one.
pub(crate) fn family(json: &JsonFile, assume: bool) -> Result<Family> {
    let name = json.text("model_type")?;
    let unknown = UnknownArchitecture {
        path: json.path(),
        architecture: name,
        supported: architecture::supported_types(),
    };
    let stated = activation(json);
    let stated = stated.map_or(Some(Activation::Silu), Activation::named);
    match architecture::find_type(name) {
        Some(family) => Ok(*family),
        None => unknown.family(assume, stated),
    }
}

/// Reads and checks a `config.json`; `assume` accepts an unknown family and unknown settings.
///
/// # Errors
/// [`Error::Architecture`](crate::Error::Architecture) for a family that is not supported,
/// else [`Error::File`](crate::Error::File) with the key at fault.
pub(crate) fn read(json: &JsonFile, facts: WeightFacts, assume: bool) -> Result<DecoderConfig> {
    let family = family(json, assume)?;
    let scaling = rotary(json, "full_attention");
    let mut settings = huggingface_keys::check(json, SettingsObject::Model, &family, assume)?;
    settings.extend(huggingface_rope::check(json, &family, assume)?);
    refuse_unstated(json, &scaling, &family)?;
    let heads = json.count("num_attention_heads")?;
    let width = json.count("hidden_size")?;
    let head_dim = json.count_or("head_dim", width / heads)?;
    if head_dim > MOST_HEAD_DIM {
        return Err(json.fault("head_dim", "does not fit the other numbers"));
    }
    let window = window(json, &family)?;
    let mut assumed = assumptions::of_family(&family, window);
    assumed.extend(settings);
    let is_tied = json.get("tie_word_embeddings").and_then(Value::as_bool);
    let config = DecoderConfig {
        architecture: match family.name {
            "" => json.text("model_type")?.to_owned(),
            name => name.to_owned(),
        },
        assumed,
        name: json.text("_name_or_path").unwrap_or_default().to_owned(),
        layers: json.count("num_hidden_layers")?,
        width,
        hidden: json.count("intermediate_size")?,
        heads,
        kv_heads: json.count_or("num_key_value_heads", heads)?,
        head_dim,
        rope: huggingface_rope::read(json, &scaling, &family, head_dim)?,
        rotated: rotated(json, &family)?,
        window,
        windows: windows(json, &family)?,
        is_parallel: match family.residual {
            ResidualKind::Sequential => false,
            ResidualKind::Parallel => true,
            ResidualKind::Stated => json.truth_or("use_parallel_residual", false)?,
        },
        scales: scales(json, &family, width, head_dim)?,
        experts: experts(json, &family)?,
        norm_eps: norm_eps(json, &family)?,
        context_length: json.count("max_position_embeddings")?,
        vocab: facts.vocab,
        tied: !facts.has_output || is_tied == Some(true),
        family,
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

/// Returns the epsilon of the norms, which has to be stated: families have different ones.
fn norm_eps(json: &JsonFile, family: &Family) -> Result<f32> {
    let key = ConfigFault::NormEps(family.norm).keys().1;
    match json.get(key) {
        Some(_) => json.number_or(key, 0.0),
        None => Err(json.fault(key, "is missing")),
    }
}

/// Refuses a file without a setting that has an unusual value in models of the family.
fn refuse_unstated(json: &JsonFile, rotary: &JsonFile, family: &Family) -> Result<()> {
    let is_stated = |key: &str| json.states(key) || rotary.states(key);
    match family.states.iter().find(|key| !is_stated(key)) {
        Some(key) => Err(json.fault(key, "is missing")),
        None => Ok(()),
    }
}

fn activation(json: &JsonFile) -> Option<&str> {
    let keys = ["hidden_activation", "hidden_act"].map(|key| json.get(key));
    keys.into_iter().flatten().find_map(Value::as_str)
}

fn window(json: &JsonFile, family: &Family) -> Result<Option<usize>> {
    let is_off = json.get("use_sliding_window").and_then(Value::as_bool) == Some(false);
    match json.get("sliding_window") {
        Some(_) if !is_off => json.count("sliding_window").map(Some),
        None if !json.states("sliding_window") => Ok(family.usual_window),
        _ => Ok(None),
    }
}

/// Returns the layers with a window: listed, of a stated period, or by the family's rule.
fn windows(json: &JsonFile, family: &Family) -> Result<Layers> {
    let key = "layer_types";
    if let Some(kinds) = json.get(key) {
        let layer = |kind: &Value| match kind.as_str() {
            Some("sliding_attention") => Some(true),
            Some("full_attention") => Some(false),
            _ => None,
        };
        let layers = kinds.as_array().map_or(&[][..], Vec::as_slice).iter();
        let layers: Option<Vec<bool>> = layers.map(layer).collect();
        let wrong = || json.unsupported(key, "names a layer that is neither full nor sliding");
        return layers.map(Layers::Listed).ok_or_else(wrong);
    }
    let keys = ["sliding_window_pattern", "_sliding_window_pattern"];
    let has_window = json.get("sliding_window").is_some();
    match keys
        .into_iter()
        .find(|key| has_window && json.get(key).is_some())
    {
        Some(key) => Ok(Layers::Pattern(LayerPattern::AllButEvery(json.count(key)?))),
        None => Ok(Layers::Pattern(family.windows)),
    }
}

/// Returns the layers that apply the rotary embedding; 1 in the list, or all but every n-th.
fn rotated(json: &JsonFile, family: &Family) -> Result<Layers> {
    let key = "no_rope_layers";
    if let Some(listed) = json.get(key) {
        let layers = listed.as_array().into_iter().flatten();
        let layers: Option<Vec<bool>> = layers.map(|one| Some(one.as_u64()? != 0)).collect();
        let wrong = || json.fault(key, "is not a list of 0 and 1");
        return layers.map(Layers::Listed).ok_or_else(wrong);
    }
    let key = "no_rope_layer_interval";
    match (family.rotated, json.get(key)) {
        (LayerPattern::AllButEvery(_), Some(_)) => {
            Ok(Layers::Pattern(LayerPattern::AllButEvery(json.count(key)?)))
        }
        (pattern, _) => Ok(Layers::Pattern(pattern)),
    }
}

fn scales(json: &JsonFile, family: &Family, width: usize, head_dim: usize) -> Result<Scales> {
    let scaled_by = json.count_or("query_pre_attn_scalar", head_dim)?;
    let stated = |key: &str| match (family.has_multipliers, json.get(key)) {
        (true, Some(_)) => json
            .number_or(key, 1.0)
            .map(|number| Some(f64::from(number))),
        _ => Ok(None),
    };
    let cap = |key: &str| match json.get(key) {
        Some(_) => json
            .positive(key, 1.0)
            .map(|number| Some(f64::from(number))),
        None => Ok(None),
    };
    let usual = 1.0 / (scaled_by as f64).sqrt();
    let root = family.scales_embedding.then(|| (width as f64).sqrt());
    Ok(Scales {
        embedding: root.or(stated("embedding_multiplier")?),
        residual: stated("residual_multiplier")?,
        attention: stated("attention_multiplier")?.unwrap_or(usual),
        logits: stated("logits_scaling")?,
        attention_cap: cap("attn_logit_softcapping")?,
        logit_cap: cap("final_logit_softcapping")?,
    })
}

/// Refuses structure that would give wrong numbers if it were ignored.
fn refuse_unsupported(json: &JsonFile, config: &DecoderConfig) -> Result<()> {
    for key in ["hidden_activation", "hidden_act"] {
        let found = json.get(key).and_then(Value::as_str);
        let is_own = |name| Activation::named(name) == Some(config.family.activation);
        if found.is_some_and(|found| !is_own(found)) {
            return Err(json.unsupported(key, "differs from the family's activation"));
        }
    }
    let key = "use_sliding_window";
    if json.get(key).and_then(Value::as_bool) == Some(true) {
        return Err(json.unsupported(key, "declares windows in some layers only"));
    }
    for (key, layers) in [
        ("layer_types", &config.windows),
        ("no_rope_layers", &config.rotated),
    ] {
        let is_short = matches!(layers, Layers::Listed(listed) if listed.len() != config.layers);
        if is_short {
            return Err(json.fault(key, "does not have one entry for each layer"));
        }
    }
    let is_sliding = |layer| config.windows.contains(layer);
    let has_list = matches!(config.windows, Layers::Listed(_));
    if config.window.is_none() && has_list && (0..config.layers).any(is_sliding) {
        return Err(json.fault("sliding_window", "is missing, but layers need it"));
    }
    Ok(())
}

/// Returns ends of the names of tensors that the settings state.
pub(crate) fn stated_tensors(json: &JsonFile) -> Vec<&'static str> {
    let is_on = |key: &str| json.get(key).and_then(Value::as_bool) == Some(true);
    let mut stated = Vec::new();
    if ["attention_bias", "qkv_bias", "use_qkv_bias"]
        .into_iter()
        .any(is_on)
    {
        stated.extend(["attn_q.bias", "attn_k.bias", "attn_v.bias"]);
    }
    if is_on("mlp_bias") {
        stated.extend(["ffn_up.bias", "ffn_down.bias"]);
    }
    if is_on("qk_layernorm") {
        stated.extend(["attn_q_norm.0.weight", "attn_k_norm.0.weight"]);
    }
    stated
}
