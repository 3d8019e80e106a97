//! Attribution of a recording from its file alone.
//!
//! ```text
//! proportional   file -> engine -> rows
//! fitted         file -> engine, observing -> fit -> prices --+
//!                file -> engine, pricing  <-------------------+-> rows
//! ```

mod ahead;
mod estimate;
mod method;
mod pool;
mod replay;

use std::path::Path;

use crate::attribution::Engine;
use crate::error::Error;
use crate::sink::AttributionRows;
use crate::store::{AttributionWriter, Folded, Store};

use ahead::Spans;
pub use method::{AttributeOptions, Method};
use replay::Replay;

/// Attributes run `uuid` of the database at `path` again, next to what is there;
/// answers the new attribution's id. Only the file is read, so that any old
/// recording gives the same numbers on any machine.
///
/// # Errors
/// An unknown run, options that do not fit it, or a database that cannot be read
/// and written.
pub fn reattribute(path: &Path, uuid: &str, options: &AttributeOptions) -> Result<u32, Error> {
    let store = Store::open_writable(path)?;
    let run = store.find_run(uuid)?.no;
    store.attribute(run, |writer| match options.method {
        Method::Proportional => proportional(writer, Spans::Ahead),
        Method::Fitted | Method::Calibrated => estimate::attribute(writer, options),
    })
}

/// Puts what other processes recorded for run `uuid` into it
/// ([`EnergyGuard::variables`](crate::EnergyGuard::variables)), and attributes it anew in
/// place of what was attributed without them. Nothing changes where nobody joined.
///
/// # Errors
/// An unknown run, or a database that cannot be read and written.
pub fn attribute_joined(path: &Path, uuid: &str) -> Result<Folded, Error> {
    let store = Store::open_writable(path)?;
    let run = store.find_run(uuid)?.no;
    let folded = store.fold(run)?;
    if folded.processes > 0 {
        let earlier = store.shown_attribution(run)?.unwrap_or(0);
        store.attribute(run, |writer| proportional(writer, Spans::Ahead))?;
        for id in 1..=earlier {
            store.delete_attribution(run, id)?;
        }
    }
    Ok(folded)
}

/// Repairs the runs of `store` whose process died: closes what was open at the
/// last time seen and attributes. Answers their ids.
///
/// # Errors
/// When the database cannot be read or written; then nothing has changed.
pub fn repair_dead_runs(store: &Store) -> Result<Vec<String>, Error> {
    let mut repaired = Vec::new();
    // A dead run takes in what joined it; what is left then becomes runs of their own.
    for (run, life) in store.runs_with_life()? {
        if life == crate::store::Life::Dead && store.repair(run.no, attribute_stored)? {
            repaired.push(run.row.uuid);
        }
    }
    if store.release_left()? > 0 {
        repaired.extend(repair_dead_runs(store)?);
    }
    Ok(repaired)
}

/// Reads a recording and writes its attribution by the method `proportional`.
///
/// # Errors
/// When the database cannot be read or written.
pub fn attribute_stored(writer: &mut AttributionWriter<'_>) -> Result<(), Error> {
    proportional(writer, Spans::Here)
}

fn proportional(writer: &mut AttributionWriter<'_>, spans: Spans) -> Result<(), Error> {
    let replay = Replay::new(writer.store(), writer.run(), spans, Engine::new())?;
    let (engine, end_ns) = replay.tell(|rows| writer.write(&settled(rows)))?;
    let (rows, _) = engine.finish(end_ns);
    writer.write(&rows)
}

/// Rows that will not change: totals are written once, at the end.
pub(crate) fn settled(mut rows: AttributionRows) -> AttributionRows {
    rows.node_energy.clear();
    rows.phase_energy.clear();
    rows.balance.clear();
    rows
}
