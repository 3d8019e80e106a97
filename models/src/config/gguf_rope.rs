//! Settings of the rotary embedding in a GGUF file.

use crate::architecture::{Family, WindowRope};
use crate::config::gguf_metadata::ModelMetadata;
use crate::config::rope::{RopeConfig, Temperature, WindowRopeConfig};
use crate::config::rope_scaling::{Factors, LONG_FACTORS, Yarn, longrope_magnitude};
use crate::error::Result;
use crate::weights::stored::Weights as _;

const KIND: &str = "rope.scaling.type";
const FACTOR: &str = "rope.scaling.factor";

/// Reads the settings for heads of `head_dim` channels.
pub(super) fn read(
    meta: &ModelMetadata<'_>,
    family: &Family,
    head_dim: usize,
    context: usize,
) -> Result<RopeConfig> {
    let original = meta.count_or("rope.scaling.original_context_length", context)?;
    let base = meta.number_or("rope.freq_base", 10_000.0)?;
    let dim = meta.count_or("rope.dimension_count", head_dim)?;
    if dim > head_dim {
        return Err(meta.fault("rope.dimension_count", "does not fit the other numbers"));
    }
    let mut rope = RopeConfig {
        dim,
        style: family.rope,
        base,
        of_window: of_window(meta, family, base)?,
        factors: Factors::default(),
        scale: 1.0,
        magnitude: 1.0,
        original_context: original,
        temperature: temperature(meta, family, original)?,
    };
    let attention = "rope.scaling.attn_factor";
    match meta.text(KIND)? {
        Some("none") => {}
        // A factor without a type means linear scaling.
        None | Some("linear") if !meta.gguf.has(LONG_FACTORS) => {
            rope.scale = linear(meta)?;
            rope.magnitude = meta.number_or(attention, 1.0)?;
        }
        Some("longrope") if !meta.gguf.has(LONG_FACTORS) => {
            let problem = format!("is `longrope`, but there is no tensor `{LONG_FACTORS}`");
            return Err(meta.fault(KIND, &problem));
        }
        // Its factors are a tensor.
        None | Some("linear" | "longrope") => {
            rope.magnitude = meta.number_or(attention, longrope_magnitude(context, original))?;
        }
        Some("yarn") => {
            let yarn = Yarn {
                factor: meta.positive(FACTOR, 0.0)?,
                beta_fast: meta.positive("rope.scaling.yarn_beta_fast", 32.0)?,
                beta_slow: meta.positive("rope.scaling.yarn_beta_slow", 1.0)?,
                original_context: original,
                truncates: true,
            };
            rope.factors.usual = Some(yarn.factors(base, dim));
            let log = meta.number_or("rope.scaling.yarn_log_multiplier", 0.0)?;
            let magnitude = yarn.magnitude((log != 0.0).then_some((1.0, log)));
            rope.magnitude = magnitude * meta.number_or(attention, 1.0)?;
        }
        Some(_) => {
            let problem = "is none of `linear`, `longrope` and `yarn`";
            return Err(meta.unsupported(KIND, problem));
        }
    }
    Ok(rope)
}

/// Returns the divisor of positions; 0 and no key mean none.
fn linear(meta: &ModelMetadata<'_>) -> Result<f32> {
    let older = "rope.scale_linear";
    let key = if meta.get(FACTOR).is_some() {
        FACTOR
    } else {
        older
    };
    match meta.number_or(key, 0.0)? {
        0.0 => Ok(1.0),
        factor if factor > 0.0 => Ok(factor),
        _ => Err(meta.fault(key, "is not positive")),
    }
}

/// Returns the rotary embedding of windowed layers, if the family has a separate one.
fn of_window(
    meta: &ModelMetadata<'_>,
    family: &Family,
    base: f32,
) -> Result<Option<WindowRopeConfig>> {
    let key = "rope.freq_base_swa";
    match family.window_rope {
        WindowRope::Same => Ok(None),
        WindowRope::Unscaled => Ok(Some(WindowRopeConfig { base })),
        WindowRope::Base(usual) => {
            let base = meta.positive(key, usual)?;
            Ok(Some(WindowRopeConfig { base }))
        }
    }
}

fn temperature(
    meta: &ModelMetadata<'_>,
    family: &Family,
    length: usize,
) -> Result<Option<Temperature>> {
    let scale = match family.has_temperature {
        true => meta.number_or("attention.temperature_scale", 0.0)?,
        false => 0.0,
    };
    Ok((scale != 0.0).then_some(Temperature { scale, length }))
}
