//! Roles of span names.

/// Roles of the spans of `candle-transformers`, of [`CandleLayers`](super::CandleLayers), and of the
/// program around them, for [`roles`](crate::EnergyLayerBuilder::roles).
pub const ROLES: &[(&str, &str)] = &[
    // Of the program.
    ("model_loading", "section"),
    ("inference", "run"),
    ("pre_inference", "phase"),
    ("prefill", "phase"),
    ("decode", "phase"),
    ("post_inference", "phase"),
    ("token", "token"),
    ("tokenization", "section"),
    ("sampling", "section"),
    ("detokenization", "section"),
    // Of the models, outermost first.
    ("model", "section"),
    ("mixformer", "section"),
    ("embedding", "section"),
    ("embeddings", "section"),
    ("output", "section"),
    ("layer", "layer"),
    ("attn", "component"),
    ("attention", "component"),
    ("self-attn", "component"),
    ("mha", "component"),
    ("gqa", "component"),
    ("attn-mlp", "component"),
    ("mlp", "component"),
    ("mlp-swiglu", "component"),
    ("mlp-gelu", "component"),
    ("feed-forward", "component"),
    ("ffn", "component"),
    ("rms-norm", "component"),
    ("layer-norm", "component"),
    ("attn-rot", "op"),
    ("rope", "op"),
    ("softmax", "op"),
    ("linear", "op"),
    ("qmatmul", "op"),
];
