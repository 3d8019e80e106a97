//! Attribution of a recording from its file alone.
//!
//! ```text
//! proportional   file -> engine -> rows
//! fitted         file -> engine, observing -> fit -> prices --+
//!                file -> engine, pricing  <-------------------+-> rows
//! ```

mod ahead;
mod estimate;
mod kinds;
mod method;
mod pool;
mod replay;

use std::path::Path;
use std::time::Duration;

use crate::attribution::prices::{Head, Prices, RailPrices};
use crate::attribution::{Engine, METHOD, VERSION};
use crate::error::Error;
use crate::rows::RailRow;
use crate::sink::AttributionRows;
use crate::store::{AttributionWriter, Folded, Life, Patience, ShownEnd, Store, StoredRun};
use crate::units::Nanos;

use ahead::Spans;
pub use kinds::{EstimatedKinds, estimate_kinds};
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
        Method::Proportional => proportional(writer, Spans::Ahead, options.offset),
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
        store.attribute(run, |writer| proportional(writer, Spans::Ahead, None))?;
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
        if life == Life::Dead && store.repair(run.no, attribute_stored)? {
            repaired.push(run.row.uuid);
        }
    }
    if store.release_left()? > 0 {
        repaired.extend(repair_dead_runs(store)?);
    }
    Ok(repaired)
}

/// Closes and attributes run `uuid` of `store` where it has no end because its process died:
/// at once where the process is known to be gone, else as [`Store::take_over`] says. Whether
/// there was something to do.
///
/// # Errors
/// When the run is, or may be, still being recorded, or the database cannot be read and
/// written; then nothing has changed.
pub fn complete(store: &Store, uuid: &str, patience: &Patience) -> Result<bool, Error> {
    let run = store.find_run(uuid)?.no;
    let life = |life| {
        store
            .life_of(run)
            .map(|found| found.is_some_and(|(_, now)| now == life))
    };
    let is_done = match store.life_of(run)? {
        Some((_, Life::Ended)) | None => return Ok(false),
        Some((_, Life::Dead)) => store.repair(run, attribute_stored)?,
        Some((_, Life::Uncertain)) => store.take_over(run, patience, attribute_stored)?,
        Some((_, Life::Alive)) => false,
    };
    if is_done || life(Life::Ended)? {
        return Ok(is_done);
    }
    Err(Error::Input {
        path: store.path().to_owned(),
        message: format!("run {uuid} is being recorded; attribute it when it has ended"),
    })
}

/// Shows the runs of `store` that have no end because their process died, or that were not
/// seen for `silence`, as [`complete`] would leave them, without writing to the file.
/// Gives these runs.
///
/// # Errors
/// When the database cannot be read; then nothing is shown differently.
pub fn show_unended(store: &Store, silence: Duration) -> Result<Vec<(StoredRun, Life)>, Error> {
    let now = crate::host::unix_ns();
    let is_shown = |(run, life): &(StoredRun, Life)| match life {
        Life::Dead => true,
        Life::Uncertain => run.silence(now) >= silence,
        Life::Alive | Life::Ended => false,
    };
    let mut shown = store.unended()?;
    shown.retain(is_shown);
    let ends = shown.iter().map(|(run, life)| ShownEnd {
        run: run.no,
        has_crashed: *life == Life::Dead,
    });
    let ends: Vec<ShownEnd> = ends.collect();
    if !ends.is_empty() {
        store.show_ends(&ends, attribute_stored)?;
    }
    Ok(shown)
}

/// Reads a recording and writes its attribution by the method `proportional`.
///
/// # Errors
/// When the database cannot be read or written.
pub fn attribute_stored(writer: &mut AttributionWriter<'_>) -> Result<(), Error> {
    proportional(writer, Spans::Here, None)
}

fn proportional(
    writer: &mut AttributionWriter<'_>,
    spans: Spans,
    offset: Option<Nanos>,
) -> Result<(), Error> {
    let (store, run) = (writer.store(), writer.run());
    let engine = match offset {
        Some(offset) => Engine::new().pricing(moved(&store.rails(run)?.all()?, offset)),
        None => Engine::new(),
    };
    let replay = Replay::new(store, run, spans, engine)?;
    let (engine, end_ns) = replay.tell(|rows| writer.write(&settled(rows)))?;
    let (rows, finished) = engine.finish(end_ns);
    writer.write(&rows)?;
    writer.note(&finished.events)
}

/// An estimate that says nothing of kinds, but that the sensors' clock is ahead of the
/// program's by `offset`.
fn moved(rails: &[RailRow], offset: Nanos) -> Prices {
    let late = |rail: &RailRow| {
        let prices = RailPrices {
            late_ns: offset.nanos(),
            ..RailPrices::default()
        };
        (rail.id, prices)
    };
    Prices {
        head: Head {
            method: METHOD.to_owned(),
            version: VERSION,
            params: serde_json::json!({ "offset_ns": offset.nanos() }).to_string(),
            offset_ms: Some(offset.nanos() as f64 / 1e6),
            rails: serde_json::Value::Null,
        },
        rails: rails.iter().map(late).collect(),
        ..Prices::default()
    }
}

/// Rows that will not change: totals are written once, at the end.
pub(crate) fn settled(mut rows: AttributionRows) -> AttributionRows {
    rows.node_energy.clear();
    rows.phase_energy.clear();
    rows.balance.clear();
    rows
}
