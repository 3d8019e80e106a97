//! All analyses.

use super::analysis::Analysis;
use super::attention::ATTENTION;
use super::batch::BATCH;
use super::context::CONTEXT;
use super::engines::ENGINES;
use super::experts::EXPERTS;
use super::parameters::PARAMETERS;
use super::pareto::PARETO;
use super::quantization::QUANTIZATION;
use super::shape::SHAPE;
use super::trend::TREND;
use crate::error::{Error, Result};
use crate::format::{escape, shorten};

/// The analyses. A new one is a file and a line here.
pub const ANALYSES: &[Analysis] = &[
    BATCH,
    CONTEXT,
    QUANTIZATION,
    PARAMETERS,
    SHAPE,
    ATTENTION,
    EXPERTS,
    ENGINES,
    PARETO,
    TREND,
];

/// Returns the analysis of this name.
///
/// # Errors
/// If there is none; the message lists the names.
pub fn analysis(name: &str) -> Result<&'static Analysis> {
    let found = ANALYSES.iter().find(|one| one.name == name);
    found.ok_or_else(|| Error::Unknown {
        what: "analysis",
        name: shorten(&escape(name), 40),
        known: ANALYSES
            .iter()
            .map(|one| one.name)
            .collect::<Vec<_>>()
            .join(", "),
    })
}
