//! Facts about a model that is not loaded.

use std::collections::BTreeMap;

use crate::config::decoder_config::DecoderConfig;
use crate::weights::stored::Weights;

/// Facts about a model, from its settings and the headers of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelSummary {
    /// Architecture, such as `llama`.
    pub architecture: String,
    /// The files' name for the model; may be empty.
    pub name: String,
    /// Number formats of the matrices, most numbers first, such as `q4_k, q6_k`.
    pub precision: String,
    /// Weights.
    pub parameters: u64,
    /// Context length in positions.
    pub context_length: usize,
    /// Bytes of the files.
    pub file_bytes: u64,
}

impl ModelSummary {
    pub(crate) fn of(weights: &dyn Weights, config: &DecoderConfig) -> Self {
        let (mut formats, mut parameters) = (BTreeMap::<String, u64>::new(), 0_u64);
        for tensor in weights.tensors() {
            let dims = tensor.shape.iter().map(|dim| *dim as u64);
            let count = dims.fold(1, u64::saturating_mul);
            parameters = parameters.saturating_add(count);
            if tensor.is_matrix() {
                *formats.entry(weights.format(&tensor.name)).or_default() += count;
            }
        }
        let mut formats: Vec<_> = formats.into_iter().collect();
        formats.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let formats: Vec<String> = formats.into_iter().map(|(format, _)| format).collect();
        Self {
            architecture: config.architecture.clone(),
            name: config.name.clone(),
            precision: formats.join(", "),
            parameters,
            context_length: config.context_length,
            file_bytes: weights.length(),
        }
    }
}
