//! The settings of a `config.json` that are understood.

use serde_json::Value;

use crate::architecture::{Family, HeadNorms, LayerPattern, NormKind, ResidualKind, WindowRope};
use crate::config::setting::{self, Setting, StatedSetting, has_experts, of};
use crate::error::{Error, Result};
use crate::json_file::JsonFile;

/// Every understood setting of a model. `null` is never a value.
const KEYS: &[(&str, Setting)] = &[
    // Shape.
    ("model_type", Setting::Read),
    ("hidden_size", Setting::Read),
    ("intermediate_size", Setting::Read),
    ("num_hidden_layers", Setting::Read),
    ("num_attention_heads", Setting::Read),
    ("num_key_value_heads", Setting::Read),
    ("head_dim", Setting::Read),
    ("max_position_embeddings", Setting::Read),
    ("tie_word_embeddings", Setting::Read),
    ("_name_or_path", Setting::Read),
    // The rows of the embedding count.
    ("vocab_size", Setting::Unused),
    // Biases: a stated one has to have a tensor.
    ("attention_bias", Setting::Read),
    ("qkv_bias", Setting::Read),
    ("use_qkv_bias", Setting::Read),
    ("mlp_bias", Setting::Read),
    // Norms.
    (
        "rms_norm_eps",
        of(|family| family.norm == NormKind::Rms, &[]),
    ),
    (
        "layer_norm_eps",
        of(|family| family.norm == NormKind::Layer, &[]),
    ),
    ("qk_layernorm", of(has_own_head_norms, &[0.0])),
    // Order of attention and MLP.
    (
        "use_parallel_residual",
        of(|family| family.residual == ResidualKind::Stated, &[]),
    ),
    // Activation.
    ("hidden_act", Setting::Read),
    ("hidden_activation", Setting::Read),
    // Windows.
    ("sliding_window", Setting::Read),
    ("use_sliding_window", Setting::Read),
    ("sliding_window_pattern", Setting::Read),
    ("_sliding_window_pattern", Setting::Read),
    ("layer_types", Setting::Read),
    // Older files of Gemma 2 state the window twice.
    ("sliding_window_size", Setting::Unused),
    // Without windows, which are refused if they are on.
    ("max_window_layers", Setting::Unused),
    // Rotary embedding; the objects have a list of their own.
    ("rope_theta", Setting::Read),
    ("rope_scaling", Setting::Read),
    ("rope_parameters", Setting::Read),
    (
        "rope_local_base_freq",
        of(
            |family| matches!(family.window_rope, WindowRope::Base(_)),
            &[],
        ),
    ),
    ("partial_rotary_factor", Setting::Read),
    ("original_max_position_embeddings", Setting::Read),
    ("no_rope_layers", Setting::Read),
    (
        "no_rope_layer_interval",
        of(|family| family.rotated != LayerPattern::All, &[]),
    ),
    ("rope_interleaved", Setting::Neutral(&[0.0])),
    // Scales and caps.
    ("query_pre_attn_scalar", Setting::Read),
    (
        "attn_logit_softcapping",
        of(|family| family.has_soft_caps, &[]),
    ),
    (
        "final_logit_softcapping",
        of(|family| family.has_soft_caps, &[]),
    ),
    (
        "embedding_multiplier",
        of(|family| family.has_multipliers, &[1.0]),
    ),
    (
        "residual_multiplier",
        of(|family| family.has_multipliers, &[1.0]),
    ),
    (
        "attention_multiplier",
        of(|family| family.has_multipliers, &[]),
    ),
    (
        "logits_scaling",
        of(|family| family.has_multipliers, &[1.0]),
    ),
    // Experts.
    ("num_experts", of(has_experts, &[0.0])),
    ("num_local_experts", of(has_experts, &[0.0])),
    ("num_experts_per_tok", of(has_experts, &[0.0])),
    ("moe_intermediate_size", of(has_experts, &[0.0])),
    ("shared_expert_intermediate_size", of(has_experts, &[0.0])),
    ("norm_topk_prob", of(has_experts, &[])),
    ("decoder_sparse_step", of(has_experts, &[])),
    ("mlp_only_layers", of(has_experts, &[])),
    ("clip_qkv", Setting::Neutral(&[])),
    // Structure of other models.
    ("is_encoder_decoder", Setting::Neutral(&[0.0])),
    ("add_cross_attention", Setting::Neutral(&[0.0])),
    ("use_bidirectional_attention", Setting::Neutral(&[0.0])),
    ("use_mrope", Setting::Neutral(&[0.0])),
    ("quantization_config", Setting::Unused),
    ("num_nextn_predict_layers", Setting::Neutral(&[0.0])),
    ("full_attn_mod", Setting::Neutral(&[1.0])),
    ("interpolate_factor", Setting::Neutral(&[1.0])),
    ("lm_head_bias", Setting::Neutral(&[0.0])),
    // Files, other programs, training.
    ("architectures", Setting::Unused),
    ("auto_map", Setting::Unused),
    ("torch_dtype", Setting::Unused),
    ("dtype", Setting::Unused),
    ("transformers_version", Setting::Unused),
    ("use_cache", Setting::Unused),
    ("cache_implementation", Setting::Unused),
    ("attn_implementation", Setting::Unused),
    ("_attn_implementation", Setting::Unused),
    ("_attn_implementation_autoset", Setting::Unused),
    ("unsloth_fixed", Setting::Unused),
    ("unsloth_version", Setting::Unused),
    ("is_llama_config", Setting::Unused),
    ("is_decoder", Setting::Unused),
    ("pretraining_tp", Setting::Unused),
    ("bos_token_id", Setting::Unused),
    ("eos_token_id", Setting::Unused),
    ("pad_token_id", Setting::Unused),
    ("bos_token", Setting::Unused),
    ("eos_token", Setting::Unused),
    ("initializer_range", Setting::Unused),
    ("transformers.js_config", Setting::Unused),
    ("_commit_hash", Setting::Unused),
    ("tokenizer_class", Setting::Unused),
    ("sep_token_id", Setting::Unused),
    ("cls_token_id", Setting::Unused),
    ("unk_token_id", Setting::Unused),
    ("decoder_start_token_id", Setting::Unused),
    ("max_length", Setting::Unused),
    ("min_length", Setting::Unused),
    ("do_sample", Setting::Unused),
    ("temperature", Setting::Unused),
    ("top_k", Setting::Unused),
    ("top_p", Setting::Unused),
    ("num_beams", Setting::Unused),
    ("num_return_sequences", Setting::Unused),
    ("repetition_penalty", Setting::Unused),
    ("no_repeat_ngram_size", Setting::Unused),
    ("length_penalty", Setting::Unused),
    ("early_stopping", Setting::Unused),
    ("attention_dropout", Setting::Unused),
    ("hidden_dropout", Setting::Unused),
    ("resid_pdrop", Setting::Unused),
    ("embd_pdrop", Setting::Unused),
    ("router_aux_loss_coef", Setting::Unused),
    ("router_jitter_noise", Setting::Unused),
    ("output_router_logits", Setting::Unused),
    ("output_attentions", Setting::Unused),
    ("output_hidden_states", Setting::Unused),
    ("return_dict", Setting::Unused),
    ("use_return_dict", Setting::Unused),
    ("chunk_size_feed_forward", Setting::Unused),
    ("id2label", Setting::Unused),
    ("label2id", Setting::Unused),
    ("problem_type", Setting::Unused),
    ("finetuning_task", Setting::Unused),
    ("task_specific_params", Setting::Unused),
];

/// Every understood setting of the rotary embedding's object.
const ROPE_KEYS: &[(&str, Setting)] = &[
    ("rope_type", Setting::Read),
    ("type", Setting::Read),
    ("rope_theta", Setting::Read),
    ("partial_rotary_factor", Setting::Read),
    ("factor", Setting::Read),
    ("original_max_position_embeddings", Setting::Read),
    ("attention_factor", Setting::Read),
    ("low_freq_factor", Setting::Read),
    ("high_freq_factor", Setting::Read),
    ("short_factor", Setting::Read),
    ("long_factor", Setting::Read),
    // Phi-3's older files state the factors of cosines and sines for both ranges.
    ("short_mscale", Setting::Neutral(&[])),
    ("long_mscale", Setting::Neutral(&[])),
    ("beta_fast", Setting::Read),
    ("beta_slow", Setting::Read),
    ("mscale", Setting::Read),
    ("mscale_all_dim", Setting::Read),
    ("truncate", Setting::Read),
    (
        "llama_4_scaling_beta",
        of(|family| family.has_temperature, &[0.0]),
    ),
    // Another name for the context; nothing reads it.
    ("max_position_embeddings", Setting::Unused),
];

fn has_own_head_norms(family: &Family) -> bool {
    family.head_norms == HeadNorms::OwnIfThere
}

/// Which list an object is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SettingsObject {
    /// The whole file.
    Model,
    /// The part about the rotary embedding.
    Rope,
}

/// Checks all settings of an object. Returns those that are unknown, if `assume` accepts
/// them as settings that change nothing.
///
/// # Errors
/// Names the first setting that is not understood.
pub(super) fn check(
    json: &JsonFile,
    object: SettingsObject,
    family: &Family,
    assume: bool,
) -> Result<Vec<String>> {
    let list = match object {
        SettingsObject::Model => KEYS,
        SettingsObject::Rope => ROPE_KEYS,
    };
    let stated = json.keys().filter_map(|key| {
        Some(StatedSetting {
            key,
            name: key,
            value: number(json.get(key)?),
        })
    });
    let fault = |name: &str, problem: &str, next: &'static str| {
        Error::advise(json.path(), format!("key `{name}`"), problem, next)
    };
    setting::check(list, stated, family, assume, fault)
}

/// Returns a number or truth value.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(is_true) => Some(f64::from(u8::from(*is_true))),
        other => other.as_f64(),
    }
}
