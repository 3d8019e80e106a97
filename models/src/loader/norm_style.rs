//! The kind of norms of a model.

use crate::architecture::NormKind;

/// What all norms of a model have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct NormStyle {
    pub(super) kind: NormKind,
    pub(super) eps: f32,
}
