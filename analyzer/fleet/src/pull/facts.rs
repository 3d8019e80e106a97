//! Describes a pulled run.

use crate::columns::RUNS;
use crate::encode::Cell;

/// Row of the run in its last bucket.
#[derive(Debug, Clone, Default)]
pub(super) struct PulledFacts {
    pub(super) start_unix_ns: i64,
    pub(super) row: Vec<Cell>,
}

impl PulledFacts {
    /// Returns the text in a column.
    pub(super) fn text(&self, column: &str) -> Option<&str> {
        RUNS.text(&self.row, column)
    }

    /// Returns the integer in a column.
    pub(super) fn whole(&self, column: &str) -> Option<i64> {
        RUNS.whole(&self.row, column)
    }
}
