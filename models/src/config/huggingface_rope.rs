//! Settings of the rotary embedding in a `config.json`.

use serde_json::Value;

use crate::architecture::{Family, WindowRope};
use crate::config::huggingface_keys::{self, SettingsObject};
use crate::config::rope::{RopeConfig, Temperature, WindowRopeConfig};
use crate::config::rope_scaling::{Factors, Llama3, Yarn, longrope_magnitude};
use crate::error::Result;
use crate::json_file::JsonFile;

/// Kinds of layers that may have settings of their own.
const KINDS: [&str; 2] = ["full_attention", "sliding_attention"];

/// Returns the object with the settings of the rotary embedding: one for all layers, or
/// one for each kind of layer.
pub(super) fn rotary(json: &JsonFile, layers: &str) -> JsonFile {
    let found = object(json);
    let of_kind = found.and_then(|found| found.get(layers));
    json.part(of_kind.or(found).cloned().unwrap_or_default())
}

fn object(json: &JsonFile) -> Option<&Value> {
    let found = ["rope_scaling", "rope_parameters"].map(|key| json.get(key));
    found.into_iter().flatten().next()
}

fn has_kinds(json: &JsonFile) -> bool {
    object(json).is_some_and(|found| KINDS.iter().any(|kind| found.get(kind).is_some()))
}

/// Checks all settings of the rotary embedding.
pub(super) fn check(json: &JsonFile, family: &Family, assume: bool) -> Result<Vec<String>> {
    let mut assumed = Vec::new();
    for kind in KINDS {
        let part = rotary(json, kind);
        let own = huggingface_keys::check(&part, SettingsObject::Rope, family, assume);
        for one in own? {
            if !assumed.contains(&one) {
                assumed.push(one);
            }
        }
    }
    Ok(assumed)
}

/// Returns the rotary base of all layers, or of those with full attention.
fn base(json: &JsonFile, family: &Family, rotary: &JsonFile) -> Result<f32> {
    let key = "rope_theta";
    let is_there = json.get(key).or(rotary.get(key)).is_some();
    // No common default exists for families in which layers differ in it.
    if !is_there && matches!(family.window_rope, WindowRope::Base(_)) {
        return Err(json.fault(key, "is missing"));
    }
    number(json, rotary, key, 10_000.0)
}

/// Returns a number that the file states for the model or for its rotary embedding. Versions of
/// transformers prefer one or the other, so both have to be the same.
fn number(json: &JsonFile, rotary: &JsonFile, key: &str, default: f32) -> Result<f32> {
    let number = json.number_or(key, rotary.number_or(key, default)?)?;
    match rotary.number_or(key, number)? == number {
        true => Ok(number),
        false => Err(json.fault(key, "differs from that of the rotary embedding")),
    }
}

/// Returns the rotary embedding of windowed layers, if it differs.
fn of_window(json: &JsonFile, family: &Family, base: f32) -> Result<Option<WindowRopeConfig>> {
    let usual = match family.window_rope {
        WindowRope::Same if !has_kinds(json) => return Ok(None),
        WindowRope::Same | WindowRope::Unscaled => base,
        WindowRope::Base(usual) => usual,
    };
    let mut usual = usual;
    if has_kinds(json) {
        let own = rotary(json, "sliding_attention");
        let key = "rope_type";
        let kind = own
            .get(key)
            .or_else(|| own.get("type"))
            .and_then(Value::as_str);
        if kind.is_some_and(|kind| kind != "default") {
            return Err(own.unsupported(key, "scales the windowed layers"));
        }
        usual = own.positive("rope_theta", usual)?;
    }
    let base = json.positive("rope_local_base_freq", usual)?;
    Ok(Some(WindowRopeConfig { base }))
}

/// Reads the settings for heads of `head_dim` channels.
pub(super) fn read(
    json: &JsonFile,
    scaling: &JsonFile,
    family: &Family,
    head_dim: usize,
) -> Result<RopeConfig> {
    let key = "partial_rotary_factor";
    let partial = number(json, scaling, key, 1.0)?;
    let dim = (head_dim as f32 * partial) as usize;
    if dim > head_dim {
        return Err(json.fault(key, "does not fit the other numbers"));
    }
    let context = json.count("max_position_embeddings")?;
    let key = "original_max_position_embeddings";
    let original_context = scaling.count_or(key, json.count_or(key, context)?)?;
    let base = base(json, family, scaling)?;
    let mut rope = RopeConfig {
        dim,
        style: family.folder_rope,
        base,
        of_window: of_window(json, family, base)?,
        factors: Factors::default(),
        scale: 1.0,
        magnitude: 1.0,
        original_context,
        temperature: temperature(scaling, family, original_context)?,
    };
    scale(&mut rope, scaling, context)?;
    Ok(rope)
}

/// Applies the scaling to the settings of a rotary embedding.
fn scale(rope: &mut RopeConfig, scaling: &JsonFile, context: usize) -> Result<()> {
    let (base, dim, original_context) = (rope.base, rope.dim, rope.original_context);
    let kind = scaling.get("rope_type").or_else(|| scaling.get("type"));
    match kind.and_then(Value::as_str) {
        None if scaling.get("factor").is_some() => {
            return Err(scaling.fault("rope_type", "is missing, but there is a factor"));
        }
        None | Some("default") => {}
        Some("linear") => rope.scale = required(scaling, "factor")?,
        Some("llama3") => {
            let llama3 = Llama3 {
                factor: required(scaling, "factor")?,
                low_freq_factor: required(scaling, "low_freq_factor")?,
                high_freq_factor: required(scaling, "high_freq_factor")?,
                original_context,
            };
            rope.factors.usual = Some(llama3.factors(base, dim));
        }
        Some("longrope" | "su") => {
            rope.factors.usual = Some(scaling.numbers("short_factor", dim / 2)?);
            rope.factors.long = Some(scaling.numbers("long_factor", dim / 2)?);
            let magnitude = longrope_magnitude(context, original_context);
            rope.magnitude = scaling.number_or("attention_factor", magnitude)?;
        }
        Some("yarn") => {
            let yarn = Yarn {
                factor: required(scaling, "factor")?,
                beta_fast: scaling.positive("beta_fast", 32.0)?,
                beta_slow: scaling.positive("beta_slow", 1.0)?,
                original_context,
                truncates: scaling.truth_or("truncate", true)?,
            };
            rope.factors.usual = Some(yarn.factors(base, dim));
            let multipliers = ["mscale", "mscale_all_dim"].map(|key| scaling.number_or(key, 0.0));
            let [all, of_head] = multipliers;
            let multipliers = Some((all?, of_head?)).filter(|(a, b)| *a != 0.0 && *b != 0.0);
            rope.magnitude = scaling.number_or("attention_factor", yarn.magnitude(multipliers))?;
        }
        Some(_) => {
            let problem = "is a scaling other than linear, llama3, longrope and yarn";
            return Err(scaling.unsupported("rope_type", problem));
        }
    }
    Ok(())
}

/// Returns a number above 0 that has to be stated.
fn required(scaling: &JsonFile, key: &str) -> Result<f32> {
    match scaling.get(key) {
        Some(_) => scaling.positive(key, 1.0),
        None => Err(scaling.fault(key, "is missing")),
    }
}

fn temperature(scaling: &JsonFile, family: &Family, length: usize) -> Result<Option<Temperature>> {
    let scale = match family.has_temperature {
        true => scaling.number_or("llama_4_scaling_beta", 0.0)?,
        false => 0.0,
    };
    Ok((scale != 0.0).then_some(Temperature { scale, length }))
}
