//! The metadata of the GGUF file that a converter makes of a model.

use candle_core::Tensor;
use candle_core::quantized::gguf_file::Value;
use candle_core::quantized::{GgmlDType, QTensor};

use super::Family;

pub(super) fn metadata(family: &Family, vocabulary: Vec<(String, Value)>) -> Vec<(String, Value)> {
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
        ("rope.dimension_count", count(family.rope_dim())),
        ("rope.freq_base", base(family)),
    ];
    let window = family
        .window()
        .map(|window| ("attention.sliding_window", count(window)));
    let of_family = of_family.into_iter().chain(window).chain(scaling(family));
    let of_family = of_family.chain(stated(family)).chain(experts(family));
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

/// Returns the settings with the same meaning in both formats, if the folder states them.
fn stated(family: &Family) -> Vec<(&'static str, Value)> {
    let keys = [
        ("rms_norm_eps", "attention.layer_norm_rms_epsilon"),
        ("layer_norm_eps", "attention.layer_norm_epsilon"),
        ("use_parallel_residual", "use_parallel_residual"),
        ("attn_logit_softcapping", "attn_logit_softcapping"),
        ("final_logit_softcapping", "final_logit_softcapping"),
        ("embedding_multiplier", "embedding_scale"),
        ("residual_multiplier", "residual_scale"),
        ("attention_multiplier", "attention.scale"),
        ("logits_scaling", "logit_scale"),
    ];
    let value = |key: &str| match &family.config[key] {
        serde_json::Value::Bool(truth) => Some(Value::Bool(*truth)),
        serde_json::Value::Null => None,
        other => Some(number(other)),
    };
    keys.into_iter()
        .filter_map(|(key, new)| Some((new, value(key)?)))
        .collect()
}

fn experts(family: &Family) -> Vec<(&'static str, Value)> {
    let Some(experts) = family.experts() else {
        return Vec::new();
    };
    let count = |count: usize| Value::U32(count as u32);
    let mut settings = vec![
        ("expert_count", count(experts)),
        (
            "expert_used_count",
            count(family.count("num_experts_per_tok")),
        ),
    ];
    if family.config["moe_intermediate_size"].is_u64() {
        settings.push(("expert_feed_forward_length", count(family.expert_hidden())));
    }
    let key = "shared_expert_intermediate_size";
    if family.config[key].is_u64() {
        settings.push((
            "expert_shared_feed_forward_length",
            count(family.count(key)),
        ));
    }
    settings
}

fn base(family: &Family) -> Value {
    match &family.config["rope_theta"] {
        serde_json::Value::Null => number(&family.scaling()["rope_theta"]),
        found => number(found),
    }
}

fn number(value: &serde_json::Value) -> Value {
    Value::F32(value.as_f64().unwrap() as f32)
}

/// Returns the metadata of the rotary embedding's scaling, without tensors.
fn scaling(family: &Family) -> Vec<(&'static str, Value)> {
    let scaling = family.scaling();
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
        Some("yarn") => yarn(scaling),
        _ => Vec::new(),
    }
}

fn yarn(scaling: &serde_json::Value) -> Vec<(&'static str, Value)> {
    let original = scaling["original_max_position_embeddings"]
        .as_u64()
        .unwrap();
    let factor = scaling["factor"].as_f64().unwrap();
    let mut settings = vec![
        ("rope.scaling.type", Value::String("yarn".into())),
        ("rope.scaling.factor", Value::F32(factor as f32)),
        (
            "rope.scaling.original_context_length",
            Value::U32(original as u32),
        ),
    ];
    // In a file it multiplies the factor that the method has by itself.
    if let Some(magnitude) = scaling["attention_factor"].as_f64() {
        let usual = 0.1 * factor.ln() + 1.0;
        settings.push((
            "rope.scaling.attn_factor",
            Value::F32((magnitude / usual) as f32),
        ));
    }
    for (key, new) in [
        ("beta_fast", "rope.scaling.yarn_beta_fast"),
        ("beta_slow", "rope.scaling.yarn_beta_slow"),
        ("mscale_all_dim", "rope.scaling.yarn_log_multiplier"),
        ("llama_4_scaling_beta", "attention.temperature_scale"),
    ] {
        if !scaling[key].is_null() {
            settings.push((new, number(&scaling[key])));
        }
    }
    settings
}

/// Returns the divisors of the rotary frequencies: a tensor that a converter adds.
pub(super) fn factors(family: &Family) -> Vec<(String, QTensor)> {
    let scaling = family.scaling();
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
