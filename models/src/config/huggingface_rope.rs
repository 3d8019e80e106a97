//! Settings of the rotary embedding in a `config.json`.

use serde_json::Value;

use crate::architecture::Family;
use crate::config::rope_scaling::{Factors, Llama3, longrope_magnitude};
use crate::error::Result;
use crate::json_file::JsonFile;

/// Returns the object with the settings of the rotary embedding: one for all layers, or
/// one for each kind of layer.
pub(super) fn rotary(json: &JsonFile, layers: &str) -> JsonFile {
    let found = ["rope_scaling", "rope_parameters"].map(|key| json.get(key));
    let found = found.into_iter().flatten().next();
    let of_kind = found.and_then(|found| found.get(layers));
    json.part(of_kind.or(found).cloned().unwrap_or_default())
}

/// Returns the rotary base of all layers, or of those with full attention.
pub(super) fn rope_base(json: &JsonFile, family: &Family, rotary: &JsonFile) -> Result<f32> {
    let key = "rope_theta";
    let is_there = json.get(key).or(rotary.get(key)).is_some();
    // No common default exists for families in which layers differ in it.
    if !is_there && family.window_rope_base.is_some() {
        return Err(json.fault(key, "is missing"));
    }
    json.number_or(key, rotary.number_or(key, 10_000.0)?)
}

/// Returns the rotary base of windowed layers, if the family has a separate one.
pub(super) fn window_rope_base(json: &JsonFile, family: &Family) -> Result<Option<f32>> {
    let Some(usual) = family.window_rope_base else {
        return Ok(None);
    };
    let newer = json
        .get("rope_parameters")
        .and_then(|all| all.get("sliding_attention"));
    let newer = newer.and_then(|own| own.get("rope_theta")?.as_f64());
    let default = newer.map_or(usual, |base| base as f32);
    json.positive("rope_local_base_freq", default).map(Some)
}

/// A scaled rotary embedding.
pub(super) struct RopeScaling {
    pub(super) factors: Factors,
    pub(super) scale: f32,
    pub(super) magnitude: f32,
    pub(super) original_context: usize,
}

impl RopeScaling {
    /// Reads the scaling of frequencies with this base for `rope_dim` channels.
    pub(super) fn read(
        json: &JsonFile,
        scaling: &JsonFile,
        context: usize,
        (base, rope_dim): (f32, usize),
    ) -> Result<Self> {
        let key = "original_max_position_embeddings";
        let original_context = scaling.count_or(key, json.count_or(key, context)?)?;
        let mut scaled = Self {
            factors: Factors::default(),
            scale: 1.0,
            magnitude: 1.0,
            original_context,
        };
        let kind = scaling.get("rope_type").or_else(|| scaling.get("type"));
        match kind.and_then(Value::as_str) {
            None | Some("default") => {}
            Some("linear") => scaled.scale = scaling.positive("factor", 1.0)?,
            Some("llama3") => {
                let llama3 = Llama3 {
                    factor: scaling.positive("factor", 8.0)?,
                    low_freq_factor: scaling.positive("low_freq_factor", 1.0)?,
                    high_freq_factor: scaling.positive("high_freq_factor", 4.0)?,
                    original_context,
                };
                scaled.factors.usual = Some(llama3.factors(base, rope_dim));
            }
            Some("longrope" | "su") => {
                scaled.factors.usual = Some(scaling.numbers("short_factor", rope_dim / 2)?);
                scaled.factors.long = Some(scaling.numbers("long_factor", rope_dim / 2)?);
                let magnitude = longrope_magnitude(context, original_context);
                scaled.magnitude = scaling.number_or("attention_factor", magnitude)?;
            }
            Some(_) => {
                let problem = "is a scaling other than linear, llama3 and longrope";
                return Err(scaling.unsupported("rope_type", problem));
            }
        }
        Ok(scaled)
    }
}
