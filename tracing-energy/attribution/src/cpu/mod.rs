//! CPU times as series, and the part of them that idle power includes.

pub(crate) mod baseline;
pub(crate) mod series;
