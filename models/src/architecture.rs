//! The model families that the decoder can run, and their differences.
//!
//! Most of a model's structure shows in its metadata and in which tensors it
//! has: biases, norms of queries and keys, fused matrices, tied embeddings, scales, soft caps,
//! experts. The remaining facts are written in [`FAMILIES`], once per family: a new
//! family is one more entry, plus the mechanism if no other family has it.

mod families;
mod family;
mod mechanisms;

pub use families::FAMILIES;
pub use family::Family;
pub use mechanisms::{
    Activation, ExpertFacts, HeadNorms, LayerPattern, MlpKind, NormKind, NormPlaces, ResidualKind,
    RopeStyle, WindowRope,
};

/// Returns the facts that are assumed about an unknown architecture.
pub(crate) fn assumed(activation: Activation) -> Family {
    Family {
        activation,
        ..families::PLAIN
    }
}

/// Returns the family with this `general.architecture`.
pub fn find(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.name == name)
}

/// Returns the family with this `model_type`.
pub fn find_type(model_type: &str) -> Option<&'static Family> {
    let has = |family: &&Family| family.model_types.contains(&model_type);
    FAMILIES.iter().find(has)
}

/// Lists the supported architectures of GGUF files, for messages.
pub fn supported() -> String {
    let names: Vec<_> = FAMILIES.iter().map(|family| family.name).collect();
    names.join(", ")
}

/// Lists the supported values of `model_type`, for messages.
pub fn supported_types() -> String {
    let names = FAMILIES.iter().flat_map(|family| family.model_types);
    names.copied().collect::<Vec<_>>().join(", ")
}
