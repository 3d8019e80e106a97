//! Observes a stored run for the fit.

use std::cell::RefCell;
use std::rc::Rc;

use super::ahead::Spans;
use super::replay::{Replay, readings};
use crate::error::Error;
use crate::store::Store;
use energy_attribution::estimate::{ObservedRun, scope};
use energy_attribution::fit::TimelineBuilder;
use energy_attribution::observe::{PieceScope, PieceSubject};
use energy_attribution::{Engine, Kinds};
use energy_data::rows::{CallsiteRow, RailRow};

/// Longest slot of a timeline; shorter samples need shorter slots.
const LONGEST_SLOT_NS: i64 = 250_000;
const SHORTEST_SLOT_NS: i64 = 10_000;
const SLOTS_PER_SAMPLE: i64 = 80;

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
