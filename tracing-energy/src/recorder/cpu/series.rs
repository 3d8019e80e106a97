//! Readings of one CPU clock, as rows.

use crate::rows::{CpuOf, CpuRow};

/// A reading of a CPU clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) time_ns: i64,
    pub(super) used_ns: i64,
}

impl Mark {
    /// The row from this reading to a later one.
    pub(super) fn row_to(self, later: Mark, of: CpuOf) -> CpuRow {
        CpuRow {
            of,
            start_ns: self.time_ns,
            end_ns: later.time_ns,
            on_cpu_ns: (later.used_ns - self.used_ns).max(0),
        }
    }
}

/// Takes the next reading of a series whose rows end where readings were made.
pub(super) fn step(
    mark: &mut Option<Mark>,
    of: CpuOf,
    now: Option<Mark>,
    emit: &mut impl FnMut(CpuRow),
) {
    let Some(now) = now else { return };
    if let Some(last) = mark.replace(now).filter(|last| last.time_ns < now.time_ns) {
        emit(last.row_to(now, of));
    }
}
