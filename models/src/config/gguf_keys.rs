//! The settings of GGUF files that are understood, below the prefix of the architecture.

use candle_core::quantized::gguf_file::Value;

use crate::architecture::{Family, NormKind, ResidualKind, WindowRope};
use crate::config::setting::{self, Setting, StatedSetting, has_experts, of};
use crate::error::{Error, Result};
use crate::weights::gguf::Gguf;
use crate::weights::stored::Weights as _;

/// Every understood setting.
const KEYS: &[(&str, Setting)] = &[
    // Shape.
    ("block_count", Setting::Read),
    ("context_length", Setting::Read),
    ("embedding_length", Setting::Read),
    ("feed_forward_length", Setting::Read),
    ("attention.head_count", Setting::Read),
    ("attention.head_count_kv", Setting::Read),
    ("attention.key_length", Setting::Read),
    ("attention.value_length", Setting::Read),
    // The rows of the embedding count.
    ("vocab_size", Setting::Unused),
    // Norms.
    (
        "attention.layer_norm_rms_epsilon",
        of(|family| family.norm == NormKind::Rms, &[]),
    ),
    (
        "attention.layer_norm_epsilon",
        of(|family| family.norm == NormKind::Layer, &[]),
    ),
    // Order of attention and MLP.
    (
        "use_parallel_residual",
        of(|family| family.residual == ResidualKind::Stated, &[]),
    ),
    // Windows.
    ("attention.sliding_window", Setting::Read),
    ("attention.sliding_window_pattern", Setting::Read),
    // Rotary embedding.
    ("rope.dimension_count", Setting::Read),
    ("rope.freq_base", Setting::Read),
    ("rope.freq_base_swa", of(has_window_base, &[])),
    ("rope.scaling.type", Setting::Read),
    ("rope.scaling.factor", Setting::Read),
    ("rope.scale_linear", Setting::Read),
    ("rope.scaling.attn_factor", Setting::Read),
    ("rope.scaling.original_context_length", Setting::Read),
    ("rope.scaling.yarn_beta_fast", Setting::Read),
    ("rope.scaling.yarn_beta_slow", Setting::Read),
    ("rope.scaling.yarn_log_multiplier", Setting::Read),
    (
        "rope.scaling.yarn_ext_factor",
        Setting::Neutral(&[1.0, -1.0]),
    ),
    ("rope.scaling.yarn_attn_factor", Setting::Neutral(&[1.0])),
    ("rope.scaling.alpha", Setting::Neutral(&[0.0])),
    // Granite's files disable the rotary embedding with it.
    (
        "rope.scaling.finetuned",
        of(|family| !family.has_multipliers, &[1.0]),
    ),
    (
        "attention.temperature_scale",
        of(|family| family.has_temperature, &[0.0]),
    ),
    ("attention.temperature_length", Setting::Neutral(&[0.0])),
    // Scales and caps.
    (
        "embedding_scale",
        of(|family| family.has_multipliers, &[0.0, 1.0]),
    ),
    (
        "residual_scale",
        of(|family| family.has_multipliers, &[0.0, 1.0]),
    ),
    (
        "logit_scale",
        of(|family| family.has_multipliers, &[0.0, 1.0]),
    ),
    (
        "attention.scale",
        of(|family| family.has_multipliers, &[0.0]),
    ),
    (
        "attn_logit_softcapping",
        of(|family| family.has_soft_caps, &[0.0]),
    ),
    (
        "final_logit_softcapping",
        of(|family| family.has_soft_caps, &[0.0]),
    ),
    ("attention.max_alibi_bias", Setting::Neutral(&[0.0])),
    ("attention.clamp_kqv", Setting::Neutral(&[0.0])),
    ("attention.causal", Setting::Neutral(&[1.0])),
    // Experts.
    ("expert_count", of(has_experts, &[0.0])),
    ("expert_used_count", of(has_experts, &[0.0])),
    ("expert_feed_forward_length", of(has_experts, &[0.0])),
    (
        "expert_shared_feed_forward_length",
        of(has_shared_expert, &[0.0]),
    ),
    ("expert_shared_count", of(has_shared_expert, &[0.0])),
    ("expert_weights_norm", of(is_normalized, &[0.0])),
    ("expert_weights_scale", Setting::Neutral(&[0.0, 1.0])),
    // 1 is softmax, 0 is not stated.
    ("expert_gating_func", Setting::Neutral(&[0.0, 1.0])),
    ("expert_group_count", Setting::Neutral(&[0.0, 1.0])),
    ("expert_group_used_count", Setting::Neutral(&[0.0, 1.0])),
    ("leading_dense_block_count", Setting::Neutral(&[0.0])),
    // Parts of other models.
    ("nextn_predict_layers", Setting::Neutral(&[0.0])),
    ("pooling_type", Setting::Neutral(&[0.0])),
    ("decoder_block_count", Setting::Neutral(&[0.0])),
    // Of the part for images, which a text does not use.
    ("mm.tokens_per_image", Setting::Unused),
    // Written by old converters, and read by none.
    ("tensor_data_layout", Setting::Unused),
];

fn has_window_base(family: &Family) -> bool {
    matches!(family.window_rope, WindowRope::Base(_))
}

fn has_shared_expert(family: &Family) -> bool {
    family.experts.is_some_and(|experts| experts.has_shared)
}

fn is_normalized(family: &Family) -> bool {
    family.experts.is_some_and(|experts| experts.normalized)
}

/// Checks all settings below `prefix`. Returns those that are unknown, if `assume` accepts
/// them as settings that change nothing.
///
/// # Errors
/// Names the first setting that is not understood.
pub(super) fn check<'g>(
    gguf: &'g Gguf,
    prefix: &str,
    family: &Family,
    assume: bool,
) -> Result<Vec<String>> {
    let own = |(name, value): (&'g String, &Value)| {
        let key = name.strip_prefix(prefix)?.strip_prefix('.')?;
        Some(StatedSetting {
            key,
            name: name.as_str(),
            value: number(value),
        })
    };
    let mut stated: Vec<_> = gguf.metadata().iter().filter_map(own).collect();
    stated.sort_unstable_by_key(|setting| setting.name);
    let fault = |name: &str, problem: &str, next: &'static str| {
        Error::advise(gguf.path(), format!("metadata `{name}`"), problem, next)
    };
    setting::check(KEYS, stated, family, assume, fault)
}

/// Returns a number or truth value.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::F32(number) => Some(f64::from(*number)),
        Value::F64(number) => Some(*number),
        Value::Bool(is_true) => Some(f64::from(u8::from(*is_true))),
        Value::I8(number) => Some(f64::from(*number)),
        Value::I16(number) => Some(f64::from(*number)),
        Value::I32(number) => Some(f64::from(*number)),
        Value::I64(number) => Some(*number as f64),
        other => other.to_u64().ok().map(|number| number as f64),
    }
}
