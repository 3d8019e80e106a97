//! Whether a check that guards against regressions passes.

use serde::Serialize;

use super::comparison::Comparison;

/// What a check comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// The whole interval is at or below what is allowed.
    Pass,
    /// The whole interval is above what is allowed.
    Regression,
    /// The interval holds what is allowed, or there are too few runs.
    Undecided,
}

/// Whether the other side needs more than `1 + above` times what base needs.
pub fn gate(comparison: &Comparison, above: f64) -> Gate {
    let allowed = 1.0 + above;
    match (comparison.reason, comparison.lo, comparison.hi) {
        (None, Some(lo), _) if lo > allowed => Gate::Regression,
        (None, _, Some(hi)) if hi <= allowed => Gate::Pass,
        _ => Gate::Undecided,
    }
}
