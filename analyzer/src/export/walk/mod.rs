//! Visits the activations of a run in time order, with the cost of each.
//!
//! ```text
//! thread 1   |-token---------------------|     enter token, enter layer, enter op,
//!              |-layer-----------------|       exit op, exit layer, exit token:
//!                 |-op-|                       each exit knows its energy
//! self       t l  o    l               t
//! ```
//!
//! Activations of one thread nest; those of several threads are visited in the order of their
//! starts. Memory holds the open activations and the power windows around them, independent of
//! the number of spans.

mod fields;
mod lane;
mod price;
mod select;

use std::collections::BTreeMap;

use tracing_energy::rows::{SpanRow, WindowPowerRow};

use super::ExportFilter;
use crate::error::Result;
use crate::query::{Recording, Run};
use fields::Fields;
use lane::{Frame, Lane};
use price::Prices;
use select::{SelectActivations, SelectAll, SelectByEnergy};

/// One activation.
#[derive(Debug, Clone, PartialEq)]
pub struct Activation {
    /// The recorded row.
    pub row: SpanRow,
    /// Start, clipped to the selected window.
    pub start_ns: i64,
    /// End. For an open activation, the time of the run's last heartbeat. For one that ended
    /// after its enclosing activation, the end of that one, because viewers require nesting.
    pub end_ns: i64,
    /// Data fields: a JSON object.
    pub fields: Option<String>,
    /// Number of open activations around it.
    pub depth: usize,
}

/// Active energy of an activation on its own thread, summed over root rails.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Energy in joules including nested activations; `None` if less than 99 % of its time was
    /// measured.
    pub inclusive_j: Option<f64>,
    /// Self energy in joules, without nested activations; `None` as above.
    pub self_j: Option<f64>,
    /// Self time.
    pub self_ns: i64,
}

/// Receives activations.
pub trait Visit {
    /// Called when an activation starts. Its nested activations on the thread follow before its
    /// exit.
    ///
    /// # Errors
    /// Fails if the visitor cannot write.
    fn enter(&mut self, activation: &Activation) -> Result<()> {
        let _ = activation;
        Ok(())
    }

    /// Called when an activation has ended.
    ///
    /// # Errors
    /// Fails if the visitor cannot write.
    fn exit(&mut self, activation: &Activation, cost: &Cost) -> Result<()>;
}

/// Statistics of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WalkStats {
    /// Number of emitted activations.
    pub emitted: u64,
    /// Number of activations dropped for too little energy.
    pub below_minimum: u64,
    /// Energy of all emitted activations, each joule once.
    pub self_j: f64,
    /// Number of activations whose end was clipped to that of the enclosing one.
    pub clipped: u64,
}

/// Passes all activations of a run that `filter` selects to `visitor`.
///
/// # Errors
/// Fails if the file cannot be read, or if the visitor fails.
pub fn walk(
    recording: &Recording,
    run: &Run,
    filter: &ExportFilter,
    visitor: &mut dyn Visit,
) -> Result<WalkStats> {
    let Some(least_j) = filter.least_j else {
        return walk_selected(recording, run, filter, &SelectAll, visitor);
    };
    // An activation's energy is known only when it ends, after its start has been emitted: a
    // first pass finds which ones to drop.
    let mut selection = SelectByEnergy::new(least_j);
    walk_selected(recording, run, filter, &SelectAll, &mut selection)?;
    walk_selected(recording, run, filter, &selection, visitor)
}

fn walk_selected(
    recording: &Recording,
    run: &Run,
    filter: &ExportFilter,
    selection: &dyn SelectActivations,
    visitor: &mut dyn Visit,
) -> Result<WalkStats> {
    let store = recording.store();
    let attribution = run.attribution.and_then(|id| u32::try_from(id).ok());
    let mut windows = store.window_powers(run.no, attribution.unwrap_or(0))?;
    let windows = windows.iter()?.map(|row| Ok(row?));
    let kinds = store.kinds(run.no, |_| 0)?.of_node;
    let mut fields = store.fields(run.no)?;
    let mut walk = Walk {
        lanes: BTreeMap::new(),
        emitter: Emitter {
            prices: Prices::new(windows, kinds),
            selection,
            visitor,
            walked: WalkStats::default(),
        },
    };
    let mut texts = Fields::new(fields.iter()?.map(|row| Ok(row?)));
    let mut spans = store.spans(run.no)?;
    let last_ns = last_seen(recording, run)?;
    for row in spans.iter()? {
        let row = row?;
        if filter
            .window
            .is_some_and(|(_, until_ns)| row.start_ns >= until_ns)
        {
            break;
        }
        let fields = texts.of_span(row.seq)?;
        if let Some((start_ns, end_ns)) = filter.clip(row.start_ns, row.end_ns.unwrap_or(last_ns)) {
            walk.begin(Activation {
                row,
                start_ns,
                end_ns,
                fields,
                depth: 0,
            })?;
        }
    }
    walk.finish()
}

/// Returns the run's end, or its last heartbeat, which serves as the end of open activations.
fn last_seen(recording: &Recording, run: &Run) -> Result<i64> {
    if let Some(end_ns) = run.row.end_ns {
        return Ok(end_ns);
    }
    let store = recording.store();
    let stored = store.runs()?.into_iter().find(|stored| stored.no == run.no);
    Ok(stored.and_then(|run| run.last_seen_ns).unwrap_or(0))
}

/// Open activations of all threads, and the emitter that receives them.
struct Walk<'w, W: Iterator> {
    lanes: BTreeMap<u32, Lane>,
    emitter: Emitter<'w, W>,
}

struct Emitter<'w, W: Iterator> {
    prices: Prices<W>,
    selection: &'w dyn SelectActivations,
    visitor: &'w mut dyn Visit,
    walked: WalkStats,
}

impl<W: Iterator<Item = Result<WindowPowerRow>>> Walk<'_, W> {
    fn begin(&mut self, activation: Activation) -> Result<()> {
        let now_ns = activation.start_ns;
        if self.emitter.prices.is_full() {
            self.advance_all(now_ns)?;
        }
        let lane = self.lanes.entry(activation.row.thread).or_default();
        self.emitter.advance(lane, now_ns, activation.row.parent)?;
        let is_emitted = self.emitter.selection.is_emitted(activation.row.seq);
        let frame = lane.push(activation, is_emitted);
        self.emitter.begin(frame)
    }

    /// Advances all threads to `now_ns`, so that earlier windows can be dropped.
    fn advance_all(&mut self, now_ns: i64) -> Result<()> {
        for lane in self.lanes.values_mut() {
            self.emitter.advance(lane, now_ns, None)?;
        }
        self.lanes.retain(|_, lane| !lane.is_empty());
        self.emitter.prices.drop_before(now_ns);
        Ok(())
    }

    fn finish(mut self) -> Result<WalkStats> {
        self.advance_all(i64::MAX)?;
        Ok(self.emitter.walked)
    }
}

impl<W: Iterator<Item = Result<WindowPowerRow>>> Emitter<'_, W> {
    fn begin(&mut self, frame: &Frame) -> Result<()> {
        if !frame.is_emitted {
            return Ok(());
        }
        self.walked.clipped += u64::from(frame.is_clipped);
        self.visitor.enter(&frame.activation)
    }

    /// Prices a thread's time until `until_ns` and ends activations that end by then. `parent`
    /// does not end if it ends at exactly that time.
    fn advance(&mut self, lane: &mut Lane, until_ns: i64, parent: Option<u64>) -> Result<()> {
        while let Some(step) = lane.next(until_ns, parent) {
            if let Some((thread, node, time)) = step.interval {
                let priced = self.prices.price(thread, node, time)?;
                lane.add(&priced, time.1);
            }
            if !step.ends {
                break;
            }
            if let Some((frame, cost)) = lane.pop() {
                self.end(&frame, &cost)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, frame: &Frame, cost: &Cost) -> Result<()> {
        if !frame.is_emitted {
            self.walked.below_minimum += 1;
            return Ok(());
        }
        self.walked.emitted += 1;
        self.walked.self_j += cost.self_j.unwrap_or(0.0);
        self.visitor.exit(&frame.activation, cost)
    }
}
