//! Pipelines from closed windows to results.

pub(crate) mod accounting;
pub(crate) mod observation;
