//! Makes a local recording of the totals of selected runs, which all commands read.

mod facts;
mod filter;
mod select;
mod sums;
mod tree;
mod write;

use std::path::Path;

use crate::destination::Destination;
use crate::error::Result;

pub use filter::{PullCondition, PullFilter};

/// What was pulled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullReport {
    /// Runs that were written.
    pub runs: usize,
    /// Runs that the filter leaves out.
    pub others: usize,
    /// Runs that are left out for another reason.
    pub warnings: Vec<String>,
}

/// Reads the packs below `source` that count, sums the buckets of each run that `filter` selects, and
/// writes it to the recording at `db`. A run that was pulled before is replaced. `on_progress` is
/// called before each run with its number and the count.
///
/// # Errors
/// If objects cannot be read, are not those of their manifest, or the recording cannot be written.
pub fn pull(
    source: &dyn Destination,
    db: &Path,
    filter: &PullFilter,
    on_progress: &mut dyn FnMut(usize, usize),
) -> Result<PullReport> {
    let mut report = PullReport::default();
    let selected = select::counting_packs(source, filter, &mut report.warnings)?;
    let count = selected.len();
    for (at, packs) in selected.into_iter().enumerate() {
        on_progress(at, count);
        let run = sums::PulledRun::read(source, &packs)?;
        if !filter.selects_run(&run.facts) {
            report.others += 1;
            continue;
        }
        match write::write(db, &run, source.root())? {
            Some(warning) => report.warnings.push(warning),
            None => report.runs += 1,
        }
    }
    Ok(report)
}
