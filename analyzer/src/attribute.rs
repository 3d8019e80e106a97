//! Attributes a stored run again, from its file alone.
//!
//! The recording library does it; this file is the one place that calls it.

use std::path::Path;

use crate::error::Result;

/// How energy is divided among spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Method {
    /// In proportion to on-CPU time within each power sample.
    #[default]
    Proportional,
}

impl Method {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proportional => "proportional",
        }
    }
}

/// Attributes the run with id `uuid` of the recording at `path` again and shows
/// the result from now on; earlier attributions stay. Gives the new one's id.
///
/// # Errors
/// When the file cannot be written or holds too little for the method.
pub fn attribute(path: &Path, uuid: &str, method: Method) -> Result<u32> {
    Ok(tracing_energy::reattribute(path, uuid, method.name())?)
}
