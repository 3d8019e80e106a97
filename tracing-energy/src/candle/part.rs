//! What a span of a model is, by its name.

/// Part of a model that a span surrounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A whole pass.
    Model,
    /// A layer.
    Layer,
    /// Attention of a layer.
    Attention,
    /// MLP of a layer.
    Mlp,
    /// Any norm.
    Norm,
    /// Output projection.
    Output,
    /// Anything else, such as a matrix product.
    Other,
}

impl Part {
    /// Returns the part of a span name.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "model" | "mixformer" => Self::Model,
            "block" | "layer" => Self::Layer,
            "attn" => Self::Attention,
            "attn-mlp" | "mlp" | "mlp-swiglu" | "mlp-gelu" | "feed-forward" | "ffn" => Self::Mlp,
            "rms-norm" | "layer-norm" => Self::Norm,
            "output" => Self::Output,
            _ => Self::Other,
        }
    }

    /// Whether spans of the same layer lie inside.
    pub(super) fn is_container(self) -> bool {
        matches!(self, Self::Layer | Self::Attention | Self::Mlp)
    }
}
