//! Makes a local recording of the totals of selected runs, which all commands read.

mod facts;
mod filter;
mod reader;
mod report;
mod select;
mod sums;
mod tree;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use crate::columns::RUNS;
use crate::destination::Destination;
use crate::encode::Cell;
use crate::error::Result;
use reader::PackReader;
use sums::SummedRun;

pub use filter::{PullCondition, PullFilter};
pub use report::PullReport;

/// Reads the packs below `source` that count, sums the buckets of each run that `filter` selects, and
/// writes it to the recording at `db`. A run that was pulled before is replaced. Runs with missing or
/// damaged objects are left out. `on_progress` is called before each step with its name, its number
/// and the count.
///
/// # Errors
/// If objects cannot be read, or the recording cannot be written.
pub fn pull(
    source: &dyn Destination,
    db: &Path,
    filter: &PullFilter,
    on_progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<PullReport> {
    let mut report = PullReport::default();
    let selected = select::counting_packs(source, filter, &mut report)?;
    let mut reader = PackReader::new(source, selected);
    let mut runs = described(&mut reader)?;
    let all = runs.len();
    runs.retain(|_, run| filter.selects_run(run.facts()));
    reader.runs.retain(|no, _| runs.contains_key(no));
    report.others = all - runs.len();
    for (at, table) in sums::TABLES.iter().enumerate() {
        on_progress("tables", at, sums::TABLES.len());
        reader.read(table, &mut |no, row| {
            if let Some(run) = runs.get_mut(&no) {
                run.add(table, row);
            }
        })?;
    }
    runs.retain(|no, _| reader.runs.contains_key(no));
    let count = runs.len();
    for (at, run) in runs.into_values().enumerate() {
        on_progress("runs", at, count);
        match write::write(db, &run.finish(), source.root())? {
            Some(warning) => report.warnings.push(warning),
            None => report.runs += 1,
        }
    }
    reader.faults.into_iter().for_each(|why| report.fault(why));
    Ok(report)
}

/// Reads the rows of `runs`.
fn described(reader: &mut PackReader<'_>) -> Result<BTreeMap<usize, SummedRun>> {
    let mut rows: BTreeMap<usize, Vec<Vec<Cell>>> = BTreeMap::new();
    reader.read(&RUNS, &mut |no, row| rows.entry(no).or_default().push(row))?;
    let runs = reader.runs.iter();
    let described = runs.map(|(no, packs)| {
        let rows = rows.remove(no).unwrap_or_default();
        (*no, SummedRun::new(packs, rows))
    });
    Ok(described.collect())
}
