//! The model families that the decoder can run, and what sets them apart.
//!
//! Most of a model's structure shows in its metadata and in which tensors it
//! has. What does not is written here, once per family: a new family is one
//! more entry of [`FAMILIES`] and whatever kernel its entry asks for.

/// How the rotary embedding pairs the channels of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RopeStyle {
    /// Channels `2i` and `2i + 1`: GGUF files of the Llama family, whose
    /// weights were permuted for it.
    Interleaved,
}

/// The non-linearity between the two halves of an MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// `x * sigmoid(x)`.
    Silu,
}

/// Facts of a family that its files do not state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// `general.architecture`, and the prefix of its metadata keys.
    pub name: &'static str,
    /// Pairing of the rotary embedding.
    pub rope: RopeStyle,
    /// Activation of the MLP.
    pub activation: Activation,
}

/// Every supported family.
pub const FAMILIES: &[Family] = &[Family {
    name: "llama",
    rope: RopeStyle::Interleaved,
    activation: Activation::Silu,
}];

/// The family with this `general.architecture`.
pub fn find(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.name == name)
}

/// The supported names, for messages.
pub fn supported() -> String {
    let names: Vec<_> = FAMILIES.iter().map(|family| family.name).collect();
    names.join(", ")
}
