//! The model families that the decoder can run, and their differences.
//!
//! Most of a model's structure shows in its metadata and in which tensors it
//! has: biases, norms of queries and keys, norms behind attention and MLP,
//! fused matrices, tied embeddings. The remaining facts are written here, once per
//! family: a new family is one more entry of [`FAMILIES`] plus the kernels that the
//! entry requires.

/// How the rotary embedding pairs the channels of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RopeStyle {
    /// Channels `2i` and `2i + 1`: GGUF files of the Llama family, whose
    /// weights were permuted for it.
    Interleaved,
    /// Channels `i` and `i + half`: all others (NEOX).
    Halves,
}

/// The non-linearity between the two halves of an MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// `x * sigmoid(x)`.
    Silu,
    /// GELU by its approximation with tanh.
    GeluTanh,
}

/// Layers that attend to a sliding window only, if the metadata states a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WindowPattern {
    /// All of them.
    All,
    /// All but every n-th, which has full attention.
    AllButEvery(usize),
}

impl WindowPattern {
    /// Whether the layer with this index attends to a window only.
    pub fn limits(self, layer: usize) -> bool {
        match self {
            Self::All => true,
            Self::AllButEvery(n) => !(layer + 1).is_multiple_of(n),
        }
    }
}

/// Facts of a family that its files do not state.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Family {
    /// `general.architecture`, and the prefix of its metadata keys.
    pub name: &'static str,
    /// Pairing of the rotary embedding in GGUF files; all others have halves.
    pub rope: RopeStyle,
    /// Activation of the MLP.
    pub activation: Activation,
    /// Layers with a sliding window.
    pub windows: WindowPattern,
    /// Base of the rotary frequencies of windowed layers, if it differs and the file does
    /// not state it.
    pub window_rope_base: Option<f32>,
    /// Token vectors are multiplied by the square root of the width.
    pub scales_embedding: bool,
    /// Norms multiply by 1 + weight; in GGUF files the 1 is in the weight.
    pub counts_norms_from_one: bool,
}

/// Facts that most families have in common.
const PLAIN: Family = Family {
    name: "",
    rope: RopeStyle::Halves,
    activation: Activation::Silu,
    windows: WindowPattern::All,
    window_rope_base: None,
    scales_embedding: false,
    counts_norms_from_one: false,
};

/// Every supported family. Mistral's files call themselves `llama`.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "llama",
        rope: RopeStyle::Interleaved,
        ..PLAIN
    },
    Family {
        name: "qwen2",
        ..PLAIN
    },
    Family {
        name: "qwen3",
        ..PLAIN
    },
    Family {
        name: "phi3",
        ..PLAIN
    },
    Family {
        name: "gemma3",
        activation: Activation::GeluTanh,
        windows: WindowPattern::AllButEvery(6),
        window_rope_base: Some(10_000.0),
        scales_embedding: true,
        counts_norms_from_one: true,
        ..PLAIN
    },
];

/// Returns a family for an unknown architecture with the stated or assumed activation.
pub(crate) fn inferred(activation: Activation) -> &'static Family {
    const SILU: Family = PLAIN;
    const GELU: Family = Family {
        activation: Activation::GeluTanh,
        ..PLAIN
    };
    match activation {
        Activation::Silu => &SILU,
        Activation::GeluTanh => &GELU,
    }
}

/// Returns the family with this `general.architecture`.
pub fn find(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.name == name)
}

/// Lists the supported names, for messages.
pub fn supported() -> String {
    let names: Vec<_> = FAMILIES.iter().map(|family| family.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sixth_layer_has_full_attention() {
        let windows = WindowPattern::AllButEvery(6);
        let full: Vec<usize> = (0..18).filter(|layer| !windows.limits(*layer)).collect();
        assert_eq!(full, [5, 11, 17]);
    }
}
