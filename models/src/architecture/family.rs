//! The facts of one family.

use super::mechanisms::{
    Activation, ExpertFacts, HeadNorms, LayerPattern, MlpKind, NormKind, NormPlaces, ResidualKind,
    RopeStyle, WindowRope,
};

/// Facts of a family that its files do not state.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Family {
    /// `general.architecture`, and the prefix of its metadata keys.
    pub name: &'static str,
    /// Values of `model_type` in a `config.json`.
    pub model_types: &'static [&'static str],
    /// Pairing of the rotary embedding in GGUF files.
    pub rope: RopeStyle,
    /// Pairing of the rotary embedding in folders.
    pub folder_rope: RopeStyle,
    /// Layers that apply the rotary embedding.
    pub rotated: LayerPattern,
    /// Layers outside of the sliding window apply no rotary embedding if there is a window.
    pub rotates_windows_only: bool,
    /// Activation of the MLP.
    pub activation: Activation,
    /// Structure of the MLP.
    pub mlp: MlpKind,
    /// Kind of all norms.
    pub norm: NormKind,
    /// Places of a layer's norms.
    pub norms: NormPlaces,
    /// Norms of queries and keys.
    pub head_norms: HeadNorms,
    /// Order of attention and MLP.
    pub residual: ResidualKind,
    /// Layers with a sliding window, if the file states a window.
    pub windows: LayerPattern,
    /// Window of files that state none.
    pub usual_window: Option<usize>,
    /// Rotary embedding of windowed layers.
    pub window_rope: WindowRope,
    /// Token vectors are multiplied by the square root of the width.
    pub scales_embedding: bool,
    /// The file states factors of embeddings, residuals, scores and logits.
    pub has_multipliers: bool,
    /// The file may state soft caps of scores and logits.
    pub has_soft_caps: bool,
    /// The file may state a temperature of scores that grows with the position.
    pub has_temperature: bool,
    /// Norms multiply by 1 + weight; in GGUF files the 1 is in the weight.
    pub counts_norms_from_one: bool,
    /// A model with this number of layers scales its scores by the width of the model divided
    /// by its heads, not by the width of a head; no key of a GGUF file states it.
    pub even_scale_layers: Option<usize>,
    /// Mixture of experts.
    pub experts: Option<ExpertFacts>,
    /// Ends of the names of tensors that each layer has, in addition to the matrices; a
    /// bias that is missing there would be ignored otherwise.
    pub requires: &'static [&'static str],
    /// Settings that a `config.json` has to state because the family's usual value is not
    /// that of others.
    pub states: &'static [&'static str],
}
