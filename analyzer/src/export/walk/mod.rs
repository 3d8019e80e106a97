//! Goes through the activations of a run in the order of time, and tells what each of
//! them cost.
//!
//! ```text
//! thread 1   |-token---------------------|     enter token, enter layer, enter op,
//!              |-layer-----------------|       exit op, exit layer, exit token:
//!                 |-op-|                       each exit knows its energy
//! self       t l  o    l               t
//! ```
//!
//! Activations of one thread nest; those of several threads come in the order of their
//! starts. Memory holds what is open and the windows of power around it, whatever the
//! number of spans.

mod choose;
mod fields;
mod lane;
mod price;

use std::collections::BTreeMap;

use tracing_energy::rows::{SpanRow, WindowPowerRow};

use super::Cut;
use crate::error::Result;
use crate::query::{Recording, Run};
use choose::{All, Choose, Kept};
use fields::Fields;
use lane::{Frame, Lane};
use price::Prices;

/// One activation.
#[derive(Debug, Clone, PartialEq)]
pub struct Activation {
    /// As it stands in the recording.
    pub row: SpanRow,
    /// Start, cut by what is asked for.
    pub start_ns: i64,
    /// End; of one that is still open the time the run was last seen. Of one that ended
    /// after the one around it, that one's end, so that viewers can nest it.
    pub end_ns: i64,
    /// Data fields: a JSON object.
    pub fields: Option<String>,
    /// Open activations around it.
    pub depth: usize,
}

/// What an activation cost on its own thread, root rails added: active energy.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// With all that ran within it; none where less than 99 % of its time was measured.
    pub inclusive_j: Option<f64>,
    /// While nothing ran within it; none as above.
    pub self_j: Option<f64>,
    /// Time in which nothing ran within it.
    pub self_ns: i64,
}

/// Is told of activations.
pub trait Visit {
    /// One begins. Between this and its exit come those within it on its thread.
    ///
    /// # Errors
    /// When it cannot be written.
    fn enter(&mut self, activation: &Activation) -> Result<()> {
        let _ = activation;
        Ok(())
    }

    /// One has ended.
    ///
    /// # Errors
    /// When it cannot be written.
    fn exit(&mut self, activation: &Activation, cost: &Cost) -> Result<()>;
}

/// What was seen on the way.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Walked {
    /// Activations that were told.
    pub told: u64,
    /// Those that were left out, for they hold too little energy.
    pub left_out: u64,
    /// Energy of all that was told, each joule once.
    pub self_j: f64,
    /// Activations that end where the one around them ends, though they ended later.
    pub cut: u64,
}

/// Tells `visitor` all activations of a run that `cut` leaves.
///
/// # Errors
/// When the file cannot be read, or the visitor refuses.
pub fn walk(
    recording: &Recording,
    run: &Run,
    cut: &Cut,
    visitor: &mut dyn Visit,
) -> Result<Walked> {
    let Some(least_j) = cut.least_j else {
        return go(recording, run, cut, &All, visitor);
    };
    // An activation's energy is known when it ends, and its begin may have been written
    // long before: who is left out is found out first.
    let mut kept = Kept::new(least_j);
    go(recording, run, cut, &All, &mut kept)?;
    go(recording, run, cut, &kept, visitor)
}

fn go(
    recording: &Recording,
    run: &Run,
    cut: &Cut,
    choose: &dyn Choose,
    visitor: &mut dyn Visit,
) -> Result<Walked> {
    let store = recording.store();
    let attribution = run.attribution.and_then(|id| u32::try_from(id).ok());
    let mut windows = store.window_powers(run.no, attribution.unwrap_or(0))?;
    let windows = windows.iter()?.map(|row| Ok(row?));
    let kinds = store.kinds(run.no, |_| 0)?.of_node;
    let mut fields = store.fields(run.no)?;
    let mut walk = Walk {
        lanes: BTreeMap::new(),
        teller: Teller {
            prices: Prices::new(windows, kinds),
            choose,
            visitor,
            walked: Walked::default(),
        },
    };
    let mut texts = Fields::new(fields.iter()?.map(|row| Ok(row?)));
    let mut spans = store.spans(run.no)?;
    let last_ns = last_seen(recording, run)?;
    for row in spans.iter()? {
        let row = row?;
        if cut
            .window
            .is_some_and(|(_, until_ns)| row.start_ns >= until_ns)
        {
            break;
        }
        let fields = texts.of(row.seq)?;
        if let Some((start_ns, end_ns)) = cut.part(row.start_ns, row.end_ns.unwrap_or(last_ns)) {
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

/// When the run was seen for the last time: what is open then has no other end.
fn last_seen(recording: &Recording, run: &Run) -> Result<i64> {
    if let Some(end_ns) = run.row.end_ns {
        return Ok(end_ns);
    }
    let store = recording.store();
    let stored = store.runs()?.into_iter().find(|stored| stored.no == run.no);
    Ok(stored.and_then(|run| run.last_seen_ns).unwrap_or(0))
}

/// The threads, and who is told of them.
struct Walk<'w, W: Iterator> {
    lanes: BTreeMap<u32, Lane>,
    teller: Teller<'w, W>,
}

struct Teller<'w, W: Iterator> {
    prices: Prices<W>,
    choose: &'w dyn Choose,
    visitor: &'w mut dyn Visit,
    walked: Walked,
}

impl<W: Iterator<Item = Result<WindowPowerRow>>> Walk<'_, W> {
    fn begin(&mut self, activation: Activation) -> Result<()> {
        let now_ns = activation.start_ns;
        if self.teller.prices.is_full() {
            self.settle(now_ns)?;
        }
        let lane = self.lanes.entry(activation.row.thread).or_default();
        self.teller.advance(lane, now_ns, activation.row.parent)?;
        let is_told = self.teller.choose.is_told(activation.row.seq);
        let frame = lane.push(activation, is_told);
        self.teller.begin(frame)
    }

    /// Brings all threads to that time, so that windows before it can be forgotten.
    fn settle(&mut self, now_ns: i64) -> Result<()> {
        for lane in self.lanes.values_mut() {
            self.teller.advance(lane, now_ns, None)?;
        }
        self.lanes.retain(|_, lane| !lane.is_empty());
        self.teller.prices.forget(now_ns);
        Ok(())
    }

    fn finish(mut self) -> Result<Walked> {
        self.settle(i64::MAX)?;
        Ok(self.teller.walked)
    }
}

impl<W: Iterator<Item = Result<WindowPowerRow>>> Teller<'_, W> {
    fn begin(&mut self, frame: &Frame) -> Result<()> {
        if !frame.is_told {
            return Ok(());
        }
        self.walked.cut += u64::from(frame.is_cut);
        self.visitor.enter(&frame.activation)
    }

    /// Prices a thread's time until `until_ns` and ends what has ended by then; `parent`
    /// has not, if it ends at that very time.
    fn advance(&mut self, lane: &mut Lane, until_ns: i64, parent: Option<u64>) -> Result<()> {
        while let Some(stretch) = lane.next(until_ns, parent) {
            if let Some((thread, node, time)) = stretch.own {
                let priced = self.prices.price(thread, node, time)?;
                lane.add(&priced, time.1);
            }
            if !stretch.ends {
                break;
            }
            if let Some((frame, cost)) = lane.pop() {
                self.end(&frame, &cost)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, frame: &Frame, cost: &Cost) -> Result<()> {
        if !frame.is_told {
            self.walked.left_out += 1;
            return Ok(());
        }
        self.walked.told += 1;
        self.walked.self_j += cost.self_j.unwrap_or(0.0);
        self.visitor.exit(&frame.activation, cost)
    }
}
