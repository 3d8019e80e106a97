//! Attributes a stored run by an estimation method: observes it, estimates, and replays it
//! with the resulting prices.

use super::ahead::Spans;
use super::observing::observe;
use super::pool;
use super::replay::Replay;
use crate::AttributionWriter;
use crate::error::Error;
use crate::store::Store;
use energy_attribution::Engine;
use energy_attribution::estimate::{EstimateOptions, estimate};
use energy_attribution::fit;
use energy_data::Provenance;
use energy_data::rows::{AttributionRows, EventRow, RailRow};
use energy_data::{AttributeOptions, Method};

/// Reads a recording and writes its attribution by an estimation method.
///
/// # Errors
/// Fails if nothing in the run can be estimated, or if the database cannot be read and
/// written.
pub(super) fn attribute(
    writer: &mut AttributionWriter<'_>,
    options: &AttributeOptions,
) -> Result<(), Error> {
    let (store, run) = (writer.store(), writer.run());
    let (rows, events) = rows(store, run, options, |rows| writer.write(&rows))?;
    writer.write(&rows)?;
    writer.note(&events)
}

/// Attributes a run from its file. Rows of closed windows go to `consume`; the remaining rows
/// are returned, with events about them.
pub(super) fn rows(
    store: &Store,
    run: i64,
    options: &AttributeOptions,
    consume: impl FnMut(AttributionRows) -> Result<(), Error>,
) -> Result<(AttributionRows, Vec<EventRow>), Error> {
    let rails = store.rails(run)?.all()?;
    check_estimable(store, run, &rails, options)?;
    let observed = observe(store, run, rails)?;
    let estimated = estimate(&observed, &estimate_options(store, run, options)?);
    drop(observed);
    let engine = Engine::new().pricing(estimated.prices);
    let replay = Replay::new(store, run, Spans::Ahead, engine)?;
    let (engine, end_ns) = replay.feed(consume)?;
    let (mut rows, finished) = engine.finish(end_ns);
    rows.kind_fits = estimated.fits;
    Ok((rows, finished.events))
}

fn check_estimable(
    store: &Store,
    run: i64,
    rails: &[RailRow],
    options: &AttributeOptions,
) -> Result<(), Error> {
    let refuse = |message: String| {
        let path = store.path().to_owned();
        Err(Error::Input { path, message })
    };
    let names = || {
        let names: Vec<&str> = rails.iter().map(|rail| rail.name.as_str()).collect();
        names.join(", ")
    };
    let requested = options
        .rails
        .iter()
        .chain(options.kernels.iter().map(|(rail, _)| rail));
    for name in requested {
        if !rails.iter().any(|rail| rail.name == *name) {
            return refuse(format!("the run has no rail '{name}'; it has {}", names()));
        }
    }
    if rails.is_empty() {
        return refuse("the run has no rails: nothing measured its energy".to_owned());
    }
    if rails
        .iter()
        .all(|rail| rail.provenance == Provenance::Modelled)
    {
        return refuse(
            "its power is modelled as a function of CPU time, so that there is nothing to \
             estimate; use the method proportional"
                .to_owned(),
        );
    }
    if store.node_windows(run)?.iter()?.next().is_some() {
        return refuse(
            "it was recorded without single spans; record with the detail `Spans` to \
             estimate, or use the method proportional"
                .to_owned(),
        );
    }
    if options.method == Method::Calibrated && options.priors.is_empty() && options.pool == 0 {
        return refuse(
            "no powers are known to start from; run `energy calibrate`, or give them in a file"
                .to_owned(),
        );
    }
    Ok(())
}

pub(super) fn estimate_options(
    store: &Store,
    run: i64,
    options: &AttributeOptions,
) -> Result<EstimateOptions, Error> {
    Ok(EstimateOptions {
        method: match options.method {
            Method::Calibrated => fit::FitMethod::Calibrated,
            _ => fit::FitMethod::Fitted,
        },
        rails: options.rails.clone(),
        kernels: options.kernels.clone(),
        clock_offset_ns: options.offset.map(|offset| offset.nanos()),
        known: options.priors.clone(),
        pooled: pool::earlier(store, run, options)?,
        note: options.note.clone(),
    })
}
