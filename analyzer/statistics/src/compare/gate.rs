//! Regression gate.

use serde::Serialize;

use super::comparison::Comparison;

/// Result of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateOutcome {
    /// The whole interval is at or below the limit.
    Pass,
    /// The whole interval is above the limit.
    Regression,
    /// The interval contains the limit, or there are too few runs.
    Undecided,
}

/// Checks whether the other side needs more than `1 + above` times the energy of base.
pub fn gate(comparison: &Comparison, above: f64) -> GateOutcome {
    let limit = 1.0 + above;
    match (comparison.reason, comparison.lo, comparison.hi) {
        (None, Some(lo), _) if lo > limit => GateOutcome::Regression,
        (None, _, Some(hi)) if hi <= limit => GateOutcome::Pass,
        _ => GateOutcome::Undecided,
    }
}
