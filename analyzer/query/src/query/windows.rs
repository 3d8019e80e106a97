//! Energy of each sampling window of each rail as used by the attribution. Windows are cut
//! to the run's time, so that they sum to the balance.

use super::{Recording, Run, average_w};
use crate::error::Result;

/// A sampling window of one rail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoredWindow {
    /// Rail id.
    pub rail: i64,
    /// Start, run time on the sensor's clock.
    pub start_ns: i64,
    /// End.
    pub end_ns: i64,
    /// Measured energy.
    pub measured_j: f64,
    /// Node of the phase that was active longest in it.
    pub phase: Option<i64>,
}

impl StoredWindow {
    /// Returns its mean power; `None` if its duration is 0.
    pub fn power_w(&self) -> Option<f64> {
        average_w(Some(self.measured_j), Some(self.end_ns - self.start_ns))
    }
}

/// Calls `visit` with each window of the run, in order of time. They are not collected
/// because a long run has millions.
///
/// # Errors
/// If the file cannot be read.
pub fn windows(
    recording: &Recording,
    run: &Run,
    mut visit: impl FnMut(StoredWindow),
) -> Result<()> {
    let sql = "SELECT rail, start_ns, end_ns, measured_j, phase FROM sample_balance
               WHERE run = ?1 AND attribution = ?2 ORDER BY start_ns, rail";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let mut rows = statement.query((run.no, run.attribution))?;
    while let Some(r) = rows.next()? {
        visit(StoredWindow {
            rail: r.get(0)?,
            start_ns: r.get(1)?,
            end_ns: r.get(2)?,
            measured_j: r.get(3)?,
            phase: r.get(4)?,
        });
    }
    Ok(())
}
