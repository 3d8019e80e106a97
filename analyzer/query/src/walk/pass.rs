//! The walk over the activations of a run.

use std::collections::BTreeMap;

use energy_data::rows::{SpanRow, WindowPowerRow};

use super::activation::{ActivationVisitor, EntryCost, PricedActivation, WalkStats};
use super::fields::FieldRows;
use super::filter::WalkFilter;
use super::lane::{Lane, LaneFrame};
use super::price::WindowPrices;
use super::seek::WalkStart;
use super::select::{SelectActivations, SelectAll, SelectByEnergy};
use crate::error::Result;
use crate::query::{Recording, Run};

/// What the time of an activation costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalkPrice {
    /// Active energy on all root rails.
    RootRails,
    /// Active energy on one root rail.
    Rail(u32),
    /// CPU time of its thread: joules stand for seconds.
    CpuTime,
}

/// Passes all activations of a run that `filter` selects to `visitor`.
///
/// # Errors
/// Fails if the file cannot be read, or if the visitor fails.
pub fn walk(
    recording: &Recording,
    run: &Run,
    filter: &WalkFilter,
    visitor: &mut dyn ActivationVisitor,
) -> Result<WalkStats> {
    walk_by(recording, run, filter, WalkPrice::RootRails, visitor)
}

/// Passes all activations of a run that `filter` selects to `visitor`, with costs of another kind.
///
/// # Errors
/// Fails if the file cannot be read, or if the visitor fails.
pub fn walk_by(
    recording: &Recording,
    run: &Run,
    filter: &WalkFilter,
    price: WalkPrice,
    visitor: &mut dyn ActivationVisitor,
) -> Result<WalkStats> {
    let selected = |selection: &dyn SelectActivations, visitor: &mut dyn ActivationVisitor| {
        walk_selected(recording, run, (filter, price), selection, visitor)
    };
    let Some(least_j) = filter.least_j else {
        return selected(&SelectAll, visitor);
    };
    // An activation's energy is known only when it ends, after its start has been emitted: a
    // first pass finds which ones to drop.
    let mut selection = SelectByEnergy::new(least_j);
    selected(&SelectAll, &mut selection)?;
    selected(&selection, visitor)
}

/// Rows of a run that is being recorded, kept in memory.
#[derive(Debug)]
pub struct RowsInMemory<S, W> {
    /// Span entries that overlap the window, by number.
    pub spans: S,
    /// Power windows of root rails that overlap it, by start.
    pub powers: W,
    /// Root rails that deliver windows.
    pub rails: Vec<u32>,
    /// Kind of each node, by its id; may be empty if no power is specific to a kind.
    pub kind_of_node: Vec<u32>,
    /// The window: all entries that end in it have their end, and power windows cover it as far as
    /// they ever will.
    pub window: (i64, i64),
}

/// Passes the parts of all activations that are in a window of time to `visitor`, as [`walk`] does.
/// Costs of consecutive windows add up to those of the whole run.
///
/// # Errors
/// Fails if the visitor fails.
pub fn walk_rows(
    rows: RowsInMemory<impl IntoIterator<Item = SpanRow>, impl IntoIterator<Item = WindowPowerRow>>,
    visitor: &mut dyn ActivationVisitor,
) -> Result<WalkStats> {
    let (from_ns, until_ns) = rows.window;
    let filter = WalkFilter {
        window: Some((from_ns, until_ns)),
        least_j: None,
    };
    let powers = rows.powers.into_iter().map(Ok);
    let mut walk = LaneWalk {
        lanes: BTreeMap::new(),
        filter: &filter,
        last_ns: until_ns,
        emitter: Emitter {
            prices: WindowPrices::new(powers, rows.kind_of_node, rows.rails),
            selection: &SelectAll,
            visitor,
            walked: WalkStats::default(),
        },
    };
    for row in rows.spans {
        walk.begin(row, None)?;
    }
    walk.finish()
}

fn walk_selected(
    recording: &Recording,
    run: &Run,
    (filter, price): (&WalkFilter, WalkPrice),
    selection: &dyn SelectActivations,
    visitor: &mut dyn ActivationVisitor,
) -> Result<WalkStats> {
    let store = recording.store();
    let start = WalkStart::find(recording, run, filter)?;
    let attribution = run.attribution.and_then(|id| u32::try_from(id).ok());
    let attribution = attribution.unwrap_or(0);
    let mut windows = match price {
        WalkPrice::CpuTime => store.cpu_use_from(run.no, start.time_ns)?,
        _ => store.window_powers_from(run.no, attribution, start.time_ns)?,
    };
    let is_priced = |row: &Result<WindowPowerRow>| match (price, row) {
        (WalkPrice::Rail(rail), Ok(row)) => row.rail == rail,
        _ => true,
    };
    let windows = windows.iter()?.map(|row| Ok(row?)).filter(is_priced);
    let kinds = store.kinds(run.no, |_| 0)?.of_node;
    let rails = match price {
        WalkPrice::RootRails => sampled_rails(recording, run)?,
        WalkPrice::Rail(rail) => vec![rail],
        WalkPrice::CpuTime => vec![0],
    };
    let mut walk = LaneWalk {
        lanes: BTreeMap::new(),
        filter,
        last_ns: last_seen(recording, run)?,
        emitter: Emitter {
            prices: WindowPrices::new(windows, kinds, rails),
            selection,
            visitor,
            walked: WalkStats::default(),
        },
    };
    for (row, fields) in start.open {
        walk.begin(row, fields)?;
    }
    let mut fields = store.fields_from(run.no, start.seq)?;
    let mut texts = FieldRows::new(fields.iter()?.map(|row| Ok(row?)));
    let mut spans = store.spans_from(run.no, start.seq)?;
    let until_ns = filter.window.map_or(i64::MAX, |(_, until_ns)| until_ns);
    for row in spans.iter()? {
        let row = row?;
        if filter.window.is_some() && row.start_ns >= until_ns {
            break;
        }
        let fields = texts.of_span(row.seq)?;
        walk.begin(row, fields)?;
    }
    walk.finish()
}

/// Returns the root rails that have windows. One that has none is in no energy.
fn sampled_rails(recording: &Recording, run: &Run) -> Result<Vec<u32>> {
    let sql = "SELECT l.id FROM rails l WHERE l.run = ?1 AND l.parent IS NULL AND EXISTS (
                   SELECT 1 FROM sample_balance b
                   WHERE b.run = ?1 AND b.attribution = ?2 AND b.rail = l.id)";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rails = statement.query_map((run.no, run.attribution), |r| r.get(0))?;
    Ok(rails.collect::<rusqlite::Result<_>>()?)
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
struct LaneWalk<'w, W: Iterator> {
    lanes: BTreeMap<u32, Lane>,
    filter: &'w WalkFilter,
    /// End of activations that are open.
    last_ns: i64,
    emitter: Emitter<'w, W>,
}

struct Emitter<'w, W: Iterator> {
    prices: WindowPrices<W>,
    selection: &'w dyn SelectActivations,
    visitor: &'w mut dyn ActivationVisitor,
    walked: WalkStats,
}

impl<W: Iterator<Item = Result<WindowPowerRow>>> LaneWalk<'_, W> {
    /// Begins an activation if the filter selects a part of it.
    fn begin(&mut self, row: SpanRow, fields: Option<String>) -> Result<()> {
        let end_ns = row.end_ns.unwrap_or(self.last_ns);
        let Some((start_ns, end_ns)) = self.filter.clip(row.start_ns, end_ns) else {
            return Ok(());
        };
        let activation = PricedActivation {
            row,
            start_ns,
            end_ns,
            fields,
            depth: 0,
        };
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
    fn begin(&mut self, frame: &LaneFrame) -> Result<()> {
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

    fn end(&mut self, frame: &LaneFrame, cost: &EntryCost) -> Result<()> {
        if !frame.is_emitted {
            self.walked.below_minimum += 1;
            return Ok(());
        }
        self.walked.emitted += 1;
        self.walked.self_j += cost.self_j.unwrap_or(0.0);
        self.visitor.exit(&frame.activation, cost)
    }
}
