//! The estimating methods on a stored run: watch it, estimate, account for it.

use std::cell::RefCell;
use std::rc::Rc;

use super::ahead::Spans;
use super::replay::readings;
use super::{AttributeOptions, Method, Replay, pool, settled};
use crate::attribution::estimate::{Watched, Wishes, estimate, scope};
use crate::attribution::fit::{self, TimelineBuilder};
use crate::attribution::observe::{Scope, Subject};
use crate::attribution::{Engine, Kinds};
use crate::error::Error;
use crate::power::Provenance;
use crate::rows::{AttributionRows, CallsiteRow, EventRow, RailRow};
use crate::store::{AttributionWriter, Store};

/// Time of kinds is kept in slots of this length at most; shorter samples want
/// shorter slots.
const LONGEST_SLOT_NS: i64 = 250_000;
const SHORTEST_SLOT_NS: i64 = 10_000;
const SLOTS_PER_SAMPLE: i64 = 80;

/// Reads a recording and writes its attribution by an estimating method.
///
/// # Errors
/// When nothing in the run can be estimated, or the database cannot be read and
/// written.
pub(super) fn attribute(
    writer: &mut AttributionWriter<'_>,
    options: &AttributeOptions,
) -> Result<(), Error> {
    let (store, run) = (writer.store(), writer.run());
    let (rows, events) = rows(store, run, options, |rows| writer.write(&settled(rows)))?;
    writer.write(&rows)?;
    writer.note(&events)
}

/// Attributes a run from its file. Rows of windows that close go to `take`; the rest are
/// the answer, with events about them.
pub(super) fn rows(
    store: &Store,
    run: i64,
    options: &AttributeOptions,
    take: impl FnMut(AttributionRows) -> Result<(), Error>,
) -> Result<(AttributionRows, Vec<EventRow>), Error> {
    let rails = store.rails(run)?.all()?;
    may_be_estimated(store, run, &rails, options)?;
    let watched = watch(store, run, rails)?;
    let found = estimate(&watched, &wishes(store, run, options)?);
    drop(watched);
    let engine = Engine::new().pricing(found.prices);
    let replay = Replay::new(store, run, Spans::Ahead, engine)?;
    let (engine, end_ns) = replay.tell(take)?;
    let (mut rows, finished) = engine.finish(end_ns);
    rows.kind_fits = found.fits;
    Ok((rows, finished.events))
}

fn may_be_estimated(
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
    let asked = options
        .rails
        .iter()
        .chain(options.kernels.iter().map(|(rail, _)| rail));
    for name in asked {
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
            "its power is modelled: a function of CPU time, in which there is nothing to \
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

pub(super) fn wishes(store: &Store, run: i64, options: &AttributeOptions) -> Result<Wishes, Error> {
    Ok(Wishes {
        method: match options.method {
            Method::Calibrated => fit::Method::Calibrated,
            _ => fit::Method::Fitted,
        },
        rails: options.rails.clone(),
        kernels: options.kernels.clone(),
        offset_ns: options.offset.map(|offset| offset.nanos()),
        known: options.priors.clone(),
        pooled: pool::earlier(store, run, options)?,
        note: options.note.clone(),
    })
}

/// Tells the recording to an engine that watches.
pub(super) fn watch(store: &Store, run: i64, rails: Vec<RailRow>) -> Result<Watched, Error> {
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
    let (of_node, outside) = (kinds.of_node.clone(), kinds.kinds.len() as u32);
    let take = Box::new(
        move |scope: Scope, piece: crate::attribution::observe::ActivePiece| {
            let kind = match piece.subject {
                Subject::Outside => Some(outside),
                Subject::Node(node) => of_node.get(node as usize).and_then(|k| k.checked_sub(1)),
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
    let engine = Engine::new().observing(scopes.clone(), take);
    let (engine, end_ns) = Replay::new(store, run, Spans::Ahead, engine)?.tell(|_| Ok(()))?;
    let seen = engine.finish_observing(end_ns);
    let times = seen.self_ns;
    let built = builders.take().into_iter().map(TimelineBuilder::build);
    let timelines = built.collect();
    Ok(Watched {
        kinds: Kinds::of(&nodes, &callsites, |node| {
            times.get(node as usize).copied().unwrap_or(0)
        }),
        rails,
        samples,
        batched,
        baselines: store.baselines(run)?.all()?,
        foreign: seen.foreign,
        scopes,
        timelines,
        cpu_times,
    })
}

/// Scopes that some rail wants.
fn scopes(rails: &[RailRow], callsites: &[CallsiteRow], cpu_times: bool) -> Vec<Scope> {
    let used = |domain| callsites.iter().any(|callsite| callsite.domain == domain);
    let mut scopes: Vec<Scope> = Vec::new();
    for rail in rails {
        if let Some(wanted) = scope(rail.kind, cpu_times, used)
            && !scopes.contains(&wanted)
        {
            scopes.push(wanted);
        }
    }
    scopes
}
