//! The names and levels of every span the models emit, and the depth that
//! chooses between fused and decomposed kernels.
//!
//! ```text
//! inference                                        run       INFO
//!   pre_inference | prefill | decode | post_…      phase     INFO
//!     token{token}            (decode only)        token     INFO
//!       embedding | layers | lm_head | …           section   DEBUG
//!         layer{layer}                             layer     DEBUG
//!           attention | mlp | input_norm | …       component TRACE
//!             q_proj | rope | softmax | …          op        TRACE
//! ```
//!
//! Spans measure real work only. Two consequences are visible in the tree:
//! keys and values are written where they are produced, so `kv_cache_store`
//! (prefill) and `kv_cache_append` (decode) are ops of each layer, at DEBUG so
//! that they show at [`Depth::Layer`] too; and token `i` holds the forward pass
//! that produced it, except token 0, which is sampled from prefill's logits.

use std::str::FromStr;

use crate::error::Error;

/// The `tracing` target of every span, for filters such as
/// `energy_models=debug`.
pub const TARGET: &str = "energy_models";

/// Span names, outermost first.
pub mod names {
    macro_rules! names {
        ($($constant:ident = $name:literal, $role:literal;)*) => {
            $(#[doc = concat!("Span `", $name, "`, a ", $role, ".")]
            pub const $constant: &str = $name;)*

            /// Every span name with its role.
            pub(super) const TABLE: &[(&str, &str)] = &[$(($name, $role)),*];
        };
    }

    names! {
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
        KV_CACHE_STORE = "kv_cache_store", "op";
        KV_CACHE_APPEND = "kv_cache_append", "op";
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
        QK_MATMUL = "qk_matmul", "op";
        SCALE = "scale", "op";
        MASK = "mask", "op";
        SOFTMAX = "softmax", "op";
        VALUE_MATMUL = "value_matmul", "op";
        ACTIVATION = "activation", "op";
        GATE_UP_MULT = "gate_up_mult", "op";
        MEAN = "mean", "op";
        VARIANCE = "variance", "op";
        NORMALIZE = "normalize", "op";
        SCALE_SHIFT = "scale_shift", "op";
        STATISTICS = "statistics", "op";
    }
}

/// Every span name with its role: `run`, `phase`, `section`, `token`,
/// `layer`, `component` or `op`.
pub const ROLES: &[(&str, &str)] = names::TABLE;

/// Returns the role of a span name, `None` for a name of another crate.
pub fn role(name: &str) -> Option<&'static str> {
    let found = ROLES.iter().find(|(known, _)| *known == name);
    found.map(|(_, role)| *role)
}

/// Granularity of an inference's spans.
///
/// The subscriber's filter decides what is recorded ([`Depth::level`] is the
/// filter to install); the model itself only checks whether it must run the
/// decomposed kernels of [`Depth::Deep`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Depth {
    /// The run, its phases and its tokens.
    Phase,
    /// Phases, their sections and each layer.
    Layer,
    /// Layers and their modules: norms, projections, attention, MLP.
    #[default]
    Module,
    /// Modules and their single operations, with fused kernels decomposed.
    Deep,
}

impl Depth {
    /// All depths, coarse to fine.
    pub const ALL: [Self; 4] = [Self::Phase, Self::Layer, Self::Module, Self::Deep];

    /// The least verbose `tracing` level that records this depth.
    pub fn level(self) -> tracing::Level {
        match self {
            Self::Phase => tracing::Level::INFO,
            Self::Layer => tracing::Level::DEBUG,
            Self::Module | Self::Deep => tracing::Level::TRACE,
        }
    }

    /// Whether kernels run decomposed into their operations.
    pub fn is_deep(self) -> bool {
        self == Self::Deep
    }

    /// The name that [`FromStr`] reads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Layer => "layer",
            Self::Module => "module",
            Self::Deep => "deep",
        }
    }
}

impl FromStr for Depth {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|depth| depth.as_str() == text);
        found.ok_or_else(|| Error::Depth(text.to_owned()))
    }
}

impl std::fmt::Display for Depth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Runs an expression inside a DEBUG span: a section or a layer. With operands
/// in brackets, a capture keeps it (see [`crate::capture::repeatable`]).
macro_rules! section {
    ($name:ident; $body:expr) => {
        $crate::instrument::around!(debug_span, $name, None; $body)
    };
    ($name:ident, layer = $layer:expr; $body:expr) => {
        $crate::instrument::around!(debug_span, $name, Some($layer), layer = $layer; $body)
    };
    ($name:ident, [$($operands:tt)*]; $body:expr) => {
        $crate::instrument::kept!(debug_span, $name, [$($operands)*]; $body)
    };
}

/// Runs an expression inside a TRACE span: a component or an op. With operands
/// in brackets, a capture keeps it (see [`crate::capture::repeatable`]).
macro_rules! op {
    ($name:ident; $body:expr) => {
        $crate::instrument::around!(trace_span, $name, None; $body)
    };
    ($name:ident, [$($operands:tt)*]; $body:expr) => {
        $crate::instrument::kept!(trace_span, $name, [$($operands)*]; $body)
    };
}

/// A span whose children a capture may keep.
macro_rules! around {
    ($span:ident, $name:ident, $layer:expr $(, $field:ident = $value:expr)*; $body:expr) => {
        ::tracing::$span!(
            target: $crate::instrument::TARGET,
            $crate::instrument::names::$name
            $(, $field = $value)*
        )
        .in_scope(|| {
            $crate::capture::within($crate::instrument::names::$name, $layer, || $body)
        })
    };
}

/// A span whose work a capture keeps.
macro_rules! kept {
    ($span:ident, $name:ident, [$($operand:ident $(= $value:expr)?),* $(,)?]; $body:expr) => {
        $crate::capture::repeatable!(
            Some($crate::instrument::names::$name),
            |work| ::tracing::$span!(
                target: $crate::instrument::TARGET,
                $crate::instrument::names::$name
            )
            .in_scope(work),
            [$($operand $(= $value)?),*];
            $body
        )
    };
}

/// An INFO span: the run, a phase or a token.
macro_rules! phase {
    ($name:ident $(, $($field:tt)*)?) => {
        ::tracing::info_span!(
            target: $crate::instrument::TARGET,
            $crate::instrument::names::$name
            $(, $($field)*)?
        )
    };
}

pub(crate) use {around, kept, op, phase, section};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_parse_their_own_names() {
        for depth in Depth::ALL {
            assert_eq!(depth.to_string().parse::<Depth>().unwrap(), depth);
        }
        assert!("ops".parse::<Depth>().is_err());
    }

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
