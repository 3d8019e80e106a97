//! Totals of a run at one time.

use crate::cumulative::Cumulative;

/// Totals of a run as far as it is recorded.
#[derive(Debug, Default)]
pub(crate) struct CurrentTotals {
    /// The totals.
    pub(crate) cumulative: Cumulative,
    /// Rails whose energies are refused, with the reason.
    pub(crate) refused: Vec<String>,
    /// Run time up to which all rails with samples have accounts; `None` if that is not known.
    pub(crate) accounted_ns: Option<i64>,
}
