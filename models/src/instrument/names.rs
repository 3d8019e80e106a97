//! Names of all spans, outermost first, with their roles.

/// The `tracing` target of every span, for filters such as
/// `energy_models=debug`.
pub const TARGET: &str = "energy_models";

/// Field of a span of device work: when the device began it, in ns from the end of the next
/// [`DEVICE_WAIT`] on the same thread, so usually negative.
pub const DEVICE_BEGAN: &str = "energy.gpu.began_ns";
/// Field of a span of device work: when the device ended it; see [`DEVICE_BEGAN`].
pub const DEVICE_ENDED: &str = "energy.gpu.ended_ns";

macro_rules! names {
    ($($constant:ident = $name:literal, $role:literal;)*) => {
        $(#[doc = concat!("Span `", $name, "`, a ", $role, ".")]
        pub const $constant: &str = $name;)*

        /// Every span name with its role: `run`, `phase`, `section`, `token`,
        /// `layer`, `component` or `op`.
        pub const ROLES: &[(&str, &str)] = &[$(($name, $role)),*];
    };
}

names! {
    MODEL_LOADING = "model_loading", "section";
    MODEL_PACKING = "model_packing", "section";
    WARM_UP = "warm_up", "section";
    INFERENCE = "inference", "run";
    PRE_INFERENCE = "pre_inference", "phase";
    PREFILL = "prefill", "phase";
    DECODE = "decode", "phase";
    POST_INFERENCE = "post_inference", "phase";
    TOKEN = "token", "token";
    TOKENIZATION = "tokenization", "section";
    TENSOR_TRANSFER = "tensor_transfer", "section";
    KV_CACHE_INIT = "kv_cache_init", "section";
    EMBEDDING = "embedding", "section";
    POSITION_EMBEDDING = "position_embedding", "section";
    LAYERS = "layers", "section";
    FINAL_NORM = "final_norm", "section";
    LM_HEAD = "lm_head", "section";
    LOGIT_SCALE = "logit_scale", "section";
    LOGIT_SOFT_CAP = "logit_soft_cap", "section";
    DEVICE_WAIT = "device_wait", "section";
    SAMPLING = "sampling", "section";
    TENSOR_TO_CPU = "tensor_to_cpu", "section";
    DETOKENIZATION = "detokenization", "section";
    CLEANUP = "cleanup", "section";
    LAYER = "layer", "layer";
    INPUT_NORM = "input_norm", "component";
    ATTENTION = "attention", "component";
    POST_ATTENTION_NORM = "post_attention_norm", "component";
    PRE_FEEDFORWARD_NORM = "pre_feedforward_norm", "component";
    MLP = "mlp", "component";
    POST_FEEDFORWARD_NORM = "post_feedforward_norm", "component";
    ROUTER = "router", "op";
    EXPERT = "expert", "op";
    SHARED_EXPERT = "shared_expert", "op";
    KV_CACHE_STORE = "kv_cache_store", "op";
    KV_CACHE_APPEND = "kv_cache_append", "op";
    KV_CACHE_READ = "kv_cache_read", "op";
    Q_PROJ = "q_proj", "op";
    K_PROJ = "k_proj", "op";
    V_PROJ = "v_proj", "op";
    O_PROJ = "o_proj", "op";
    Q_NORM = "q_norm", "op";
    K_NORM = "k_norm", "op";
    GATE_PROJ = "gate_proj", "op";
    UP_PROJ = "up_proj", "op";
    DOWN_PROJ = "down_proj", "op";
    ROPE = "rope", "op";
    TEMPERATURE = "temperature", "op";
    QK_MATMUL = "qk_matmul", "op";
    SCALE = "scale", "op";
    SOFT_CAP = "soft_cap", "op";
    MASK = "mask", "op";
    SOFTMAX = "softmax", "op";
    VALUE_MATMUL = "value_matmul", "op";
    ACTIVATION = "activation", "op";
    GATE_UP_MULT = "gate_up_mult", "op";
    RESIDUAL_SCALE = "residual_scale", "op";
    ROUTER_PROJ = "router_proj", "op";
    TOP_K = "top_k", "op";
    GATHER = "gather", "op";
    COMBINE = "combine", "op";
    SHARED_GATE = "shared_gate", "op";
    MEAN = "mean", "op";
    VARIANCE = "variance", "op";
    NORMALIZE = "normalize", "op";
    SCALE_SHIFT = "scale_shift", "op";
    STATISTICS = "statistics", "op";
}

/// Returns the role of a span name, `None` for a name of another crate.
pub fn role(name: &str) -> Option<&'static str> {
    let found = ROLES.iter().find(|(known, _)| *known == name);
    found.map(|(_, role)| *role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_one_role() {
        let mut names: Vec<_> = ROLES.iter().map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), ROLES.len());
        assert_eq!(role("q_proj"), Some("op"));
        assert_eq!(role("elsewhere"), None);
    }
}
