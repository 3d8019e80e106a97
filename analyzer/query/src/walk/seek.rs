//! Finds where a walk over a time window starts.
//!
//! ```text
//! number   1   2   3   4   5   6   7        ascending with starts
//!          |-------------------------|      1 is open at `from`: read by itself
//!            |---| |-| |---|                2, 3, 4 ended before it: not read
//!                          |---| |-|        5 is the first number from `from` on
//! from                    ^
//! ```

use energy_data::rows::SpanRow;

use super::filter::WalkFilter;
use crate::error::Result;
use crate::query::{Recording, Run, open_spans};

/// Start of a walk.
pub(super) struct WalkStart {
    /// Number of the first activation that starts in the window.
    pub(super) seq: u64,
    /// Start of the window.
    pub(super) time_ns: i64,
    /// Activations that are open at the start of the window, by number, with their fields.
    pub(super) open: Vec<(SpanRow, Option<String>)>,
}

impl WalkStart {
    pub(super) fn find(recording: &Recording, run: &Run, filter: &WalkFilter) -> Result<Self> {
        let Some((from_ns, _)) = filter.window.filter(|(from_ns, _)| *from_ns > i64::MIN) else {
            return Ok(Self {
                seq: 0,
                time_ns: i64::MIN,
                open: Vec::new(),
            });
        };
        let store = recording.store();
        let seq = store.first_span_at(run.no, from_ns)?;
        let mut open = Vec::new();
        for row in open_spans(recording, run, seq, from_ns)? {
            let fields = store.fields_of(run.no, row.seq)?;
            open.push((row, fields));
        }
        Ok(Self {
            seq,
            time_ns: from_ns,
            open,
        })
    }
}
