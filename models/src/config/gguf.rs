//! A configuration from the metadata of a GGUF file.

use candle_core::quantized::gguf_file::Value;

use crate::architecture::{self, Activation, Family, LayerPattern, ResidualKind};
use crate::config::assumptions::{self, UnknownArchitecture};
use crate::config::decoder_config::{ConfigFault, DecoderConfig, Layers, Scales};
use crate::config::experts::ExpertConfig;
use crate::config::gguf_metadata::ModelMetadata;
use crate::config::{gguf_keys, gguf_rope};
use crate::error::Result;
use crate::weights::gguf::Gguf;
use crate::weights::stored::Weights as _;

/// Reads and checks the metadata of a file; `assume` accepts an unknown architecture and
/// unknown settings.
///
/// # Errors
/// [`Error::Architecture`](crate::Error::Architecture) for a family that is not supported,
/// else [`Error::File`](crate::Error::File) with the key at fault.
pub(crate) fn read(gguf: &Gguf, assume: bool) -> Result<DecoderConfig> {
    let architecture = architecture_of(gguf)?;
    let meta = ModelMetadata {
        gguf,
        prefix: architecture,
    };
    let family = family(&meta, assume)?;
    let settings = gguf_keys::check(gguf, architecture, &family, assume)?;
    let heads = meta.count("attention.head_count")?;
    let width = meta.count("embedding_length")?;
    let head_dim = meta.count_or("attention.key_length", width / heads)?;
    let layers = meta.count("block_count")?;
    let context_length = meta.count("context_length")?;
    let window = meta.count_if_there("attention.sliding_window")?;
    let window = window.or(family.usual_window);
    let mut assumed = assumptions::of_family(&family, window);
    assumed.extend(settings);
    let config = DecoderConfig {
        architecture: architecture.to_owned(),
        assumed,
        name: meta.name(),
        layers,
        width,
        hidden: hidden(&meta, &family)?,
        heads,
        kv_heads: meta.count_or("attention.head_count_kv", heads)?,
        head_dim,
        rope: gguf_rope::read(&meta, &family, head_dim, context_length)?,
        rotated: Layers::Pattern(family.rotated),
        window,
        windows: windows(&meta, &family, window, layers)?,
        is_parallel: match family.residual {
            ResidualKind::Sequential => false,
            ResidualKind::Parallel => true,
            ResidualKind::Stated => is_parallel(&meta)?,
        },
        scales: scales(&meta, &family, (width, heads, head_dim, layers))?,
        experts: experts(&meta, &family)?,
        norm_eps: meta.number(ConfigFault::NormEps(family.norm).keys().0)?,
        context_length,
        vocab: *gguf.dims("token_embd.weight")?.first().unwrap_or(&0),
        tied: !gguf.has("output.weight"),
        family,
    };
    let key = "attention.value_length";
    if meta.count_or(key, config.head_dim)? != config.head_dim {
        return Err(meta.unsupported(key, "differs from the keys' length"));
    }
    match config.fault() {
        Some(fault @ ConfigFault::NormEps(_)) => Err(meta.fault(fault.keys().0, "is negative")),
        Some(fault) => Err(meta.fault(fault.keys().0, "does not fit the other numbers")),
        None => Ok(config),
    }
}

fn architecture_of(gguf: &Gguf) -> Result<&str> {
    let key = "general.architecture";
    match gguf.metadata().get(key) {
        Some(Value::String(name)) => Ok(name),
        _ => Err(gguf.fault(format!("metadata `{key}`"), "is missing or not text")),
    }
}

fn family(meta: &ModelMetadata<'_>, assume: bool) -> Result<Family> {
    let unknown = UnknownArchitecture {
        path: meta.gguf.path(),
        architecture: meta.prefix,
        supported: architecture::supported(),
    };
    match architecture::find(meta.prefix) {
        Some(family) => Ok(*family),
        None => unknown.family(assume, Some(Activation::Silu)),
    }
}

/// Returns the width inside of the MLP; models of experts alone may state none.
fn hidden(meta: &ModelMetadata<'_>, family: &Family) -> Result<usize> {
    let key = "feed_forward_length";
    match family.experts {
        Some(experts) if experts.is_always && meta.get(key).is_none() => {
            meta.count("expert_feed_forward_length")
        }
        _ => meta.count(key),
    }
}

/// Returns the layers with a window: a family's pattern, its period, or a list.
fn windows(
    meta: &ModelMetadata<'_>,
    family: &Family,
    window: Option<usize>,
    layers: usize,
) -> Result<Layers> {
    let key = "attention.sliding_window_pattern";
    let Some(stated) = meta.get(key).filter(|_| window.is_some()) else {
        return Ok(Layers::Pattern(family.windows));
    };
    if let Value::Array(listed) = stated {
        let layer = |value: &Value| match value {
            Value::Bool(is_windowed) => Some(*is_windowed),
            other => other.to_u64().ok().map(|number| number != 0),
        };
        let listed: Option<Vec<bool>> = listed.iter().map(layer).collect();
        let wrong = || meta.fault(key, "is neither a number nor a list of truth values");
        let listed = listed.ok_or_else(wrong)?;
        return match listed.len() == layers {
            true => Ok(Layers::Listed(listed)),
            false => Err(meta.fault(key, "does not have one entry for each layer")),
        };
    }
    Ok(Layers::Pattern(LayerPattern::AllButEvery(meta.count(key)?)))
}

/// StableLM's files state it only sometimes; the norm before the MLP shows it in all.
fn is_parallel(meta: &ModelMetadata<'_>) -> Result<bool> {
    let shown = !meta.gguf.has("blk.0.ffn_norm.weight");
    let key = "use_parallel_residual";
    match meta.truth_or(key, shown)? == shown {
        true => Ok(shown),
        false => Err(meta.fault(key, "contradicts the norms that the layers have")),
    }
}

fn scales(
    meta: &ModelMetadata<'_>,
    family: &Family,
    (width, heads, head_dim, layers): (usize, usize, usize, usize),
) -> Result<Scales> {
    let scaled_by = match family.even_scale_layers == Some(layers) {
        true => width / heads,
        false => head_dim,
    };
    let stated = |key| match family.has_multipliers {
        true => meta.number_if_there(key),
        false => Ok(None),
    };
    // Old files of Gemma 2 lack the caps, but the model has them.
    let cap = |key| match family.has_soft_caps {
        true if meta.get(key).is_none() => Err(meta.fault(key, "is missing")),
        true => meta.number_if_there(key),
        false => Ok(None),
    };
    let usual = 1.0 / (scaled_by as f64).sqrt();
    let root = family.scales_embedding.then(|| (width as f64).sqrt());
    Ok(Scales {
        embedding: root.or(stated("embedding_scale")?),
        residual: stated("residual_scale")?,
        attention: stated("attention.scale")?.unwrap_or(usual),
        logits: stated("logit_scale")?,
        attention_cap: cap("attn_logit_softcapping")?,
        logit_cap: cap("final_logit_softcapping")?,
    })
}

fn experts(meta: &ModelMetadata<'_>, family: &Family) -> Result<Option<ExpertConfig>> {
    let Some(facts) = family.experts else {
        return Ok(None);
    };
    let key = "expert_count";
    if !facts.is_always && meta.count_if_there(key)?.is_none() {
        return Ok(None);
    }
    let normalized = "expert_weights_norm";
    if meta.truth_or(normalized, facts.normalized)? != facts.normalized {
        return Err(meta.unsupported(normalized, "differs from the family's routers"));
    }
    let active = meta.count("expert_used_count")?;
    let hidden = hidden(meta, family)?;
    let config = ExpertConfig {
        count: meta.count(key)?,
        active,
        hidden: match meta.count_if_there("expert_feed_forward_length")? {
            Some(hidden) => hidden,
            None if facts.has_shared => (hidden / active).max(1),
            None => hidden,
        },
        shared_hidden: match facts.has_shared {
            true => Some(meta.count_or("expert_shared_feed_forward_length", hidden)?),
            false => None,
        },
        is_normalized: facts.normalized,
        dense: Vec::new(),
        step: 1,
    };
    match config.is_sound() {
        true => Ok(Some(config)),
        false => Err(meta.fault("expert_used_count", ExpertConfig::UNSOUND)),
    }
}
