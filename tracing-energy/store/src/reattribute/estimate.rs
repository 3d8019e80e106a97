//! Attributes a stored run by an estimation method: observes it, estimates, and replays it
//! with the resulting prices.

use std::cell::RefCell;
use std::rc::Rc;

use super::ahead::Spans;
use super::replay::readings;
use super::{Replay, pool};
use crate::error::Error;
use crate::{AttributionWriter, Store};
use energy_attribution::estimate::{EstimateOptions, ObservedRun, estimate, scope};
use energy_attribution::fit::{self, TimelineBuilder};
use energy_attribution::observe::{PieceScope, PieceSubject};
use energy_attribution::{Engine, Kinds};
use energy_data::Provenance;
use energy_data::rows::{AttributionRows, CallsiteRow, EventRow, RailRow};
use energy_data::{AttributeOptions, Method};

/// Longest slot of a timeline; shorter samples need shorter slots.
const LONGEST_SLOT_NS: i64 = 250_000;
const SHORTEST_SLOT_NS: i64 = 10_000;
const SLOTS_PER_SAMPLE: i64 = 80;

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
    let (rows, events) = rows(store, run, options, |rows| {
        writer.write(&rows.without_totals())
    })?;
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

/// Replays the recording into an observing engine.
pub(super) fn observe(store: &Store, run: i64, rails: Vec<RailRow>) -> Result<ObservedRun, Error> {
    let (nodes, callsites) = (store.nodes(run)?.all()?, store.callsites(run)?.all()?);
    let kinds = Kinds::of(&nodes, &callsites, |_| 0);
    let (samples, batched) = readings(store, run)?;
    let cpu_times = store.cpu(run)?.iter()?.next().transpose()?.is_some();
    let scopes = scopes(&rails, &callsites, cpu_times);
    let shortest = rails.iter().map(|rail| rail.interval_ns).min();
    let slot = shortest.unwrap_or(LONGEST_SLOT_NS) / SLOTS_PER_SAMPLE;
    let slot = slot.clamp(SHORTEST_SLOT_NS, LONGEST_SLOT_NS);
    let builders = scopes.iter().map(|_| TimelineBuilder::new(slot));
    let builders = Rc::new(RefCell::new(builders.collect::<Vec<_>>()));
    let (into, places) = (Rc::clone(&builders), scopes.clone());
    let (of_node, unattributed) = (kinds.of_node.clone(), kinds.kinds.len() as u32);
    let consume = Box::new(
        move |scope: PieceScope, piece: energy_attribution::observe::ActivePiece| {
            let kind = match piece.subject {
                PieceSubject::Unattributed => Some(unattributed),
                PieceSubject::Node(node) => {
                    of_node.get(node as usize).and_then(|k| k.checked_sub(1))
                }
            };
            let place = places.iter().position(|known| *known == scope);
            if let Some((place, kind)) = place.zip(kind) {
                into.borrow_mut()[place].piece(
                    piece.start_ns,
                    piece.end_ns,
                    kind,
                    piece.weight,
                    piece.concurrency,
                );
            }
        },
    );
    let engine = Engine::new().observing(scopes.clone(), consume);
    let (engine, end_ns) = Replay::new(store, run, Spans::Ahead, engine)?.feed(|_| Ok(()))?;
    let windows = engine.finish_observing(end_ns);
    let times = windows.self_ns;
    let built = builders.take().into_iter().map(TimelineBuilder::build);
    let timelines = built.collect();
    Ok(ObservedRun {
        kinds: Kinds::of(&nodes, &callsites, |node| {
            times.get(node as usize).copied().unwrap_or(0)
        }),
        rails,
        samples,
        batched,
        baselines: store.baselines(run)?.all()?,
        non_program: windows.non_program,
        scopes,
        timelines,
        cpu_times,
    })
}

/// Returns the scopes that the rails need.
fn scopes(rails: &[RailRow], callsites: &[CallsiteRow], cpu_times: bool) -> Vec<PieceScope> {
    let used = |domain| callsites.iter().any(|callsite| callsite.domain == domain);
    let mut scopes: Vec<PieceScope> = Vec::new();
    for rail in rails {
        if let Some(wanted) = scope(rail.kind, cpu_times, used)
            && !scopes.contains(&wanted)
        {
            scopes.push(wanted);
        }
    }
    scopes
}
