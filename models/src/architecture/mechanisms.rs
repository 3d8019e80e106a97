//! The mechanisms in which families differ.

/// How the rotary embedding pairs the channels of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RopeStyle {
    /// Channels `2i` and `2i + 1`: GLM-4, and GGUF files with weights that were permuted
    /// for it, such as those of the Llama family.
    Interleaved,
    /// Channels `i` and `i + half` (NEOX).
    Halves,
}

/// The non-linearity of an MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// `x * sigmoid(x)`.
    Silu,
    /// GELU by its approximation with tanh.
    GeluTanh,
    /// GELU by the error function.
    Gelu,
    /// `max(x, 0)^2`.
    ReluSquared,
}

impl Activation {
    /// Returns the activation that a `config.json` calls so.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "silu" | "swish" => Some(Self::Silu),
            "gelu_pytorch_tanh" | "gelu_new" => Some(Self::GeluTanh),
            "gelu" => Some(Self::Gelu),
            "relu2" => Some(Self::ReluSquared),
            _ => None,
        }
    }

    /// Returns the name for messages.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Silu => "SiLU",
            Self::GeluTanh => "GELU by tanh",
            Self::Gelu => "GELU",
            Self::ReluSquared => "squared ReLU",
        }
    }
}

/// Structure of an MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MlpKind {
    /// `down(activation(gate(x)) * up(x))`.
    Gated,
    /// `down(activation(up(x)))`.
    Plain,
}

/// Kind of the norms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NormKind {
    /// Divides by the root of the mean square.
    Rms,
    /// Subtracts the mean, divides by the standard deviation; may have a bias.
    Layer,
}

/// Places of a layer's norms relative to attention and MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NormPlaces {
    /// Of the input of both.
    Before,
    /// Of the output of both.
    After,
    /// Of input and output of both.
    Around,
}

/// Norms of queries and keys before the rotary embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadNorms {
    /// None.
    None,
    /// One weight, which all heads share.
    Shared,
    /// One over all channels of all heads.
    Whole,
    /// A weight for each head, if the file has them.
    OwnIfThere,
}

/// Order of attention and MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResidualKind {
    /// The MLP receives the sum of the layer's input and attention's output.
    Sequential,
    /// The MLP receives the layer's input.
    Parallel,
    /// The setting `use_parallel_residual` states which.
    Stated,
}

/// Layers of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayerPattern {
    /// All of them.
    All,
    /// All but every n-th.
    AllButEvery(usize),
}

impl LayerPattern {
    /// Whether the layer with this index belongs to the pattern.
    pub fn contains(self, layer: usize) -> bool {
        match self {
            Self::All => true,
            Self::AllButEvery(n) => !(layer + 1).is_multiple_of(n),
        }
    }
}

/// Rotary embedding of windowed layers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum WindowRope {
    /// That of the other layers.
    Same,
    /// Unscaled, with the same base.
    Unscaled,
    /// Unscaled, with a base of its own that files may state.
    Base(f32),
}

/// Facts of a mixture of experts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExpertFacts {
    /// The weights of a token's chosen experts are divided by their sum. A `config.json` may
    /// state it.
    pub normalized: bool,
    /// Each layer has an expert for all tokens, with a gate.
    pub has_shared: bool,
    /// The family has no variant without experts.
    pub is_always: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sixth_layer_is_left_out() {
        let windows = LayerPattern::AllButEvery(6);
        let full: Vec<usize> = (0..18).filter(|layer| !windows.contains(*layer)).collect();
        assert_eq!(full, [5, 11, 17]);
    }
}
