//! Attributes a recording from its file alone.
//!
//! ```text
//! proportional   file -> engine -> rows
//! fitted         file -> engine, observing -> fit -> prices --+
//!                file -> engine, pricing  <-------------------+-> rows
//! ```

mod ahead;
mod device_times;
#[cfg(feature = "fit")]
mod estimate;
#[cfg(feature = "fit")]
mod kinds;
#[cfg(feature = "fit")]
mod observing;
#[cfg(feature = "fit")]
mod pool;
mod replay;

use std::path::Path;
use std::time::Duration;

use crate::error::Error;
use crate::store::Store;
use crate::{AttributionWriter, JoinedSummary, Patience, RunLiveness, ShownEnd, StoredRun};
use energy_attribution::prices::{EstimateMetadata, Prices, RailPrices};
use energy_attribution::{Engine, METHOD, VERSION};
use energy_data::rows::RailRow;
use energy_data::units::Nanos;
use energy_data::{AttributeOptions, Method};

use ahead::Spans;
#[cfg(feature = "fit")]
pub use kinds::{EstimatedKinds, estimate_kinds};
use replay::Replay;

/// Attributes run `uuid` of the database at `path` again and keeps its earlier attributions.
/// Returns the id of the new one. Only the file is read, so that an old recording gives the
/// same numbers on any machine.
///
/// # Errors
/// Fails if the run is unknown, if options do not fit it, or if the database cannot be read
/// and written.
pub fn reattribute(path: &Path, uuid: &str, options: &AttributeOptions) -> Result<u32, Error> {
    let store = Store::open_writable(path)?;
    let run = store.find_run(uuid)?.no;
    store.attribute(run, |writer| {
        if options.method == Method::Proportional {
            proportional(writer, Spans::Ahead, options.offset)
        } else {
            estimated(writer, options)
        }
    })
}

#[cfg(feature = "fit")]
fn estimated(writer: &mut AttributionWriter<'_>, options: &AttributeOptions) -> Result<(), Error> {
    estimate::attribute(writer, options)
}

#[cfg(not(feature = "fit"))]
fn estimated(writer: &mut AttributionWriter<'_>, options: &AttributeOptions) -> Result<(), Error> {
    Err(Error::Input {
        path: writer.store().path().to_owned(),
        message: format!(
            "the method {} needs the feature `fit`; use the method proportional",
            options.method
        ),
    })
}

/// Merges the recordings of other processes that joined run `uuid`
/// (they were started with its environment variables), and replaces its
/// attributions by a new one. Changes nothing if no process joined.
///
/// # Errors
/// Fails if the run is unknown, or if the database cannot be read and written.
pub fn attribute_joined(path: &Path, uuid: &str) -> Result<JoinedSummary, Error> {
    let store = Store::open_writable(path)?;
    let run = store.find_run(uuid)?.no;
    let joined = store.merge_joined(run)?;
    if joined.processes > 0 {
        let earlier = store.shown_attribution(run)?.unwrap_or(0);
        store.attribute(run, |writer| proportional(writer, Spans::Ahead, None))?;
        for id in 1..=earlier {
            store.delete_attribution(run, id)?;
        }
    }
    Ok(joined)
}

/// Repairs the runs of `store` whose process died: closes open spans at the last recorded
/// time and attributes the runs. Returns their ids.
///
/// # Errors
/// Fails if the database cannot be read or written; then nothing has changed.
pub fn repair_dead_runs(store: &Store) -> Result<Vec<String>, Error> {
    let mut repaired = Vec::new();
    // A dead run merges the processes that joined it; the remaining ones become runs of their own.
    for (run, life) in store.runs_with_liveness()? {
        if life == RunLiveness::Dead && store.repair(run.no, attribute_stored)? {
            repaired.push(run.row.uuid);
        }
    }
    if store.release_orphaned()? > 0 {
        repaired.extend(repair_dead_runs(store)?);
    }
    Ok(repaired)
}

/// Closes and attributes run `uuid` of `store` if it has no end because its process died: at
/// once if the process is known to be gone, otherwise under the conditions of
/// [`Store::take_over`]. Returns whether the run was changed.
///
/// # Errors
/// Fails if the run is, or may be, still being recorded, or if the database cannot be read
/// and written; then nothing has changed.
pub fn complete(store: &Store, uuid: &str, patience: &Patience) -> Result<bool, Error> {
    let run = store.find_run(uuid)?.no;
    let life = |life| {
        store
            .liveness_of(run)
            .map(|found| found.is_some_and(|(_, now)| now == life))
    };
    let is_done = match store.liveness_of(run)? {
        Some((_, RunLiveness::Ended)) | None => return Ok(false),
        Some((_, RunLiveness::Dead)) => store.repair(run, attribute_stored)?,
        Some((_, RunLiveness::Uncertain)) => store.take_over(run, patience, attribute_stored)?,
        Some((_, RunLiveness::Alive)) => false,
    };
    if is_done || life(RunLiveness::Ended)? {
        return Ok(is_done);
    }
    Err(Error::Input {
        path: store.path().to_owned(),
        message: format!("run {uuid} is being recorded; attribute it when it has ended"),
    })
}

/// Makes the unended runs of `store` whose process died, or that had no sign of life for
/// `silence`, appear as [`complete`] would leave them, without writing to the file. Returns
/// these runs.
///
/// # Errors
/// Fails if the database cannot be read; then the view of the store is unchanged.
pub fn show_unended(
    store: &Store,
    silence: Duration,
) -> Result<Vec<(StoredRun, RunLiveness)>, Error> {
    show_ends(store, silent_of(store.unended()?, silence))
}

/// Like [`show_unended`], for runs of the numbers `only`. Other rows are not read.
///
/// # Errors
/// Fails if the database cannot be read; then the view of the store is unchanged.
pub fn show_unended_among(
    store: &Store,
    only: &[i64],
    silence: Duration,
) -> Result<Vec<(StoredRun, RunLiveness)>, Error> {
    show_ends(store, silent_of(store.unended_among(only)?, silence))
}

fn show_ends(
    store: &Store,
    shown: Vec<(StoredRun, RunLiveness)>,
) -> Result<Vec<(StoredRun, RunLiveness)>, Error> {
    let ends = shown.iter().map(|(run, life)| ShownEnd {
        run: run.no,
        has_crashed: *life == RunLiveness::Dead,
    });
    let ends: Vec<ShownEnd> = ends.collect();
    if !ends.is_empty() {
        store.show_ends(&ends, attribute_stored)?;
    }
    Ok(shown)
}

/// Returns the runs that [`show_unended`] would show with an end.
///
/// # Errors
/// Fails if the database cannot be read.
pub fn silent_unended(
    store: &Store,
    silence: Duration,
) -> Result<Vec<(StoredRun, RunLiveness)>, Error> {
    Ok(silent_of(store.unended()?, silence))
}

/// Keeps the runs whose process died, or that had no sign of life for `silence`.
fn silent_of(
    mut unended: Vec<(StoredRun, RunLiveness)>,
    silence: Duration,
) -> Vec<(StoredRun, RunLiveness)> {
    let now = energy_host::unix_ns();
    let is_shown = |(run, life): &(StoredRun, RunLiveness)| match life {
        RunLiveness::Dead => true,
        RunLiveness::Uncertain => run.silence(now) >= silence,
        RunLiveness::Alive | RunLiveness::Ended => false,
    };
    unended.retain(is_shown);
    unended
}

/// Reads a recording and writes its attribution by the method `proportional`.
///
/// # Errors
/// Fails if the database cannot be read or written.
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
        Some(offset) => Engine::new().pricing(clock_shift(&store.rails(run)?.all()?, offset)),
        None => Engine::new(),
    };
    let replay = Replay::new(store, run, spans, engine)?;
    let (engine, end_ns) = replay.feed(|rows| writer.write(&rows))?;
    let (rows, finished) = engine.finish(end_ns);
    writer.write(&rows)?;
    writer.note(&finished.events)
}

/// Returns an estimate without kinds that only shifts the sensors' clocks by `offset`.
fn clock_shift(rails: &[RailRow], offset: Nanos) -> Prices {
    let shifted = |rail: &RailRow| {
        let prices = RailPrices {
            clock_offset_ns: offset.nanos(),
            ..RailPrices::default()
        };
        (rail.id, prices)
    };
    Prices {
        metadata: EstimateMetadata {
            method: METHOD.to_owned(),
            version: VERSION,
            params: serde_json::json!({ "clock_offset_ns": offset.nanos() }).to_string(),
            clock_offset_ns: Some(offset.nanos() as f64),
            rails: serde_json::Value::Null,
        },
        rails: rails.iter().map(shifted).collect(),
        ..Prices::default()
    }
}
