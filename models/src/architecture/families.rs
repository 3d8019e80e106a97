//! The table of families.

use super::family::Family;
use super::mechanisms::{
    Activation, ExpertFacts, HeadNorms, LayerPattern, MlpKind, NormKind, NormPlaces, ResidualKind,
    RopeStyle, WindowRope,
};

/// Facts that most families have in common.
pub(super) const PLAIN: Family = Family {
    name: "",
    model_types: &[],
    rope: RopeStyle::Halves,
    folder_rope: RopeStyle::Halves,
    rotated: LayerPattern::All,
    rotates_windows_only: false,
    activation: Activation::Silu,
    mlp: MlpKind::Gated,
    norm: NormKind::Rms,
    norms: NormPlaces::Before,
    head_norms: HeadNorms::None,
    residual: ResidualKind::Sequential,
    windows: LayerPattern::All,
    usual_window: None,
    window_rope: WindowRope::Same,
    scales_embedding: false,
    has_multipliers: false,
    has_soft_caps: false,
    has_temperature: false,
    counts_norms_from_one: false,
    even_scale_layers: None,
    experts: None,
    requires: &[],
    states: &[],
};

/// Facts that all Gemma models have in common.
const GEMMA: Family = Family {
    activation: Activation::GeluTanh,
    scales_embedding: true,
    counts_norms_from_one: true,
    ..PLAIN
};

/// A router with normalised weights, without a shared expert.
const NORMALIZED: ExpertFacts = ExpertFacts {
    normalized: true,
    has_shared: false,
    is_always: true,
};

/// Biases of queries, keys and values.
const QKV_BIASES: &[&str] = &["attn_q.bias", "attn_k.bias", "attn_v.bias"];

/// Every supported family. Mistral's and Mixtral's files call themselves `llama`.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "llama",
        model_types: &["llama", "mistral", "mixtral"],
        rope: RopeStyle::Interleaved,
        experts: Some(ExpertFacts {
            is_always: false,
            ..NORMALIZED
        }),
        ..PLAIN
    },
    Family {
        name: "qwen2",
        model_types: &["qwen2"],
        requires: QKV_BIASES,
        ..PLAIN
    },
    Family {
        name: "qwen3",
        model_types: &["qwen3"],
        head_norms: HeadNorms::Shared,
        ..PLAIN
    },
    Family {
        name: "phi3",
        model_types: &["phi3"],
        ..PLAIN
    },
    Family {
        name: "gemma3",
        model_types: &["gemma3", "gemma3_text"],
        norms: NormPlaces::Around,
        head_norms: HeadNorms::Shared,
        windows: LayerPattern::AllButEvery(6),
        window_rope: WindowRope::Base(10_000.0),
        even_scale_layers: Some(62),
        ..GEMMA
    },
    Family {
        name: "stablelm",
        model_types: &["stablelm"],
        norm: NormKind::Layer,
        head_norms: HeadNorms::OwnIfThere,
        residual: ResidualKind::Stated,
        requires: &["attn_norm.bias"],
        states: &["partial_rotary_factor"],
        ..PLAIN
    },
    Family {
        name: "phi2",
        model_types: &["phi"],
        activation: Activation::GeluTanh,
        mlp: MlpKind::Plain,
        norm: NormKind::Layer,
        residual: ResidualKind::Parallel,
        requires: &[
            "attn_norm.bias",
            "attn_output.bias",
            "ffn_up.bias",
            "ffn_down.bias",
        ],
        states: &["partial_rotary_factor"],
        ..PLAIN
    },
    Family {
        name: "gemma2",
        model_types: &["gemma2"],
        norms: NormPlaces::Around,
        windows: LayerPattern::AllButEvery(2),
        usual_window: Some(4096),
        has_soft_caps: true,
        even_scale_layers: Some(46),
        states: &[
            "attn_logit_softcapping",
            "final_logit_softcapping",
            "query_pre_attn_scalar",
            "sliding_window",
        ],
        ..GEMMA
    },
    Family {
        name: "gemma",
        model_types: &["gemma"],
        ..GEMMA
    },
    Family {
        name: "qwen2moe",
        model_types: &["qwen2_moe"],
        experts: Some(ExpertFacts {
            normalized: false,
            has_shared: true,
            is_always: true,
        }),
        requires: QKV_BIASES,
        ..PLAIN
    },
    Family {
        name: "qwen3moe",
        model_types: &["qwen3_moe"],
        head_norms: HeadNorms::Shared,
        experts: Some(NORMALIZED),
        states: &["norm_topk_prob"],
        ..PLAIN
    },
    Family {
        name: "olmoe",
        model_types: &["olmoe"],
        head_norms: HeadNorms::Whole,
        experts: Some(ExpertFacts {
            normalized: false,
            ..NORMALIZED
        }),
        ..PLAIN
    },
    Family {
        name: "smollm3",
        model_types: &["smollm3"],
        rope: RopeStyle::Interleaved,
        rotated: LayerPattern::AllButEvery(4),
        ..PLAIN
    },
    Family {
        name: "glm4",
        model_types: &["glm4"],
        rope: RopeStyle::Interleaved,
        folder_rope: RopeStyle::Interleaved,
        norms: NormPlaces::Around,
        states: &["partial_rotary_factor"],
        ..PLAIN
    },
    Family {
        name: "mistral3",
        model_types: &["ministral3"],
        rope: RopeStyle::Interleaved,
        has_temperature: true,
        ..PLAIN
    },
    Family {
        name: "olmo2",
        model_types: &["olmo2", "olmo3"],
        norms: NormPlaces::After,
        head_norms: HeadNorms::Whole,
        windows: LayerPattern::AllButEvery(4),
        window_rope: WindowRope::Unscaled,
        ..PLAIN
    },
    Family {
        name: "granite",
        model_types: &["granite"],
        rope: RopeStyle::Interleaved,
        has_multipliers: true,
        states: &[
            "embedding_multiplier",
            "attention_multiplier",
            "residual_multiplier",
            "logits_scaling",
        ],
        ..PLAIN
    },
    Family {
        name: "exaone4",
        model_types: &["exaone4"],
        norms: NormPlaces::After,
        head_norms: HeadNorms::Shared,
        windows: LayerPattern::AllButEvery(4),
        rotates_windows_only: true,
        ..PLAIN
    },
];
