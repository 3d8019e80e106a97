//! Converts readings of one CPU clock to rows.

use energy_data::rows::{CpuRow, CpuScope};

/// A reading of a CPU clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CpuReading {
    pub(super) time_ns: i64,
    pub(super) used_ns: i64,
}

impl CpuReading {
    /// Returns the row from this reading to a later one.
    pub(super) fn row_to(self, later: CpuReading, scope: CpuScope) -> CpuRow {
        CpuRow {
            scope,
            start_ns: self.time_ns,
            end_ns: later.time_ns,
            on_cpu_ns: (later.used_ns - self.used_ns).max(0),
        }
    }
}

/// Adds the next reading of a series and emits the row that ends there.
pub(super) fn step(
    reading: &mut Option<CpuReading>,
    scope: CpuScope,
    now: Option<CpuReading>,
    emit: &mut impl FnMut(CpuRow),
) {
    let Some(now) = now else { return };
    if let Some(last) = reading
        .replace(now)
        .filter(|last| last.time_ns < now.time_ns)
    {
        emit(last.row_to(now, scope));
    }
}
