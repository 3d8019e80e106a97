//! What was measured in each window of each rail, as the attribution counted it? Cut to
//! the run's time, so that windows sum to the balance.

use super::{Recording, Run};
use crate::error::Result;

/// One window of one rail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// The rail's id.
    pub rail: i64,
    /// Begin, run time by the sensor's clock.
    pub start_ns: i64,
    /// End.
    pub end_ns: i64,
    /// What the sensor gave.
    pub measured_j: f64,
    /// Node of the phase that was active longest in it.
    pub phase: Option<i64>,
}

impl Window {
    /// Its mean power; none where it has no length.
    pub fn power_w(&self) -> Option<f64> {
        let time = Some(self.end_ns - self.start_ns).filter(|ns| *ns > 0);
        time.map(|ns| self.measured_j * 1e9 / ns as f64)
    }
}

/// Gives each window of the run to `take`, in order of time. They are not collected: a
/// long run has millions.
///
/// # Errors
/// When the file cannot be read.
pub fn windows(recording: &Recording, run: &Run, mut take: impl FnMut(Window)) -> Result<()> {
    let sql = "SELECT rail, start_ns, end_ns, measured_j, phase FROM sample_balance
               WHERE run = ?1 AND attribution = ?2 ORDER BY start_ns, rail";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let mut rows = statement.query((run.no, run.attribution))?;
    while let Some(r) = rows.next()? {
        take(Window {
            rail: r.get(0)?,
            start_ns: r.get(1)?,
            end_ns: r.get(2)?,
            measured_j: r.get(3)?,
            phase: r.get(4)?,
        });
    }
    Ok(())
}
