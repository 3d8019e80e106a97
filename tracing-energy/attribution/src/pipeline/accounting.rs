//! Accounting: a method allocates the energy of each window, and the ledger enters it.
//!
//! ```text
//! builder -- view --> allocator -- allocation --> ledger --> rows, events
//!    |                                              |
//!    `--------------- run inputs -------------------`--> report: rows of totals
//! ```

use energy_data::rows::{AttributionRow, AttributionRows, EventRow, Role};

use crate::allocate::allocator::Allocator;
use crate::ledger::entries::Ledger;
use crate::report::finished::Finished;
use crate::report::head::head;
use crate::report::rows::{add_all, add_changed};
use crate::spans::segments::Closed;
use crate::spans::track::whole_slots;
use crate::windows::builder::WindowBuilder;
use crate::windows::rail::RailInfo;

/// A method with the ledger of its allocations.
#[derive(Debug)]
pub(crate) struct Accounting {
    allocator: Box<dyn Allocator>,
    ledger: Ledger,
    is_head_emitted: bool,
    /// Time up to which spans are known.
    sealed: i64,
}

impl Accounting {
    /// Creates the pipeline of a method, with an empty ledger.
    pub(crate) fn new(method: impl Allocator + 'static) -> Self {
        Self {
            allocator: Box::new(method),
            ledger: Ledger::default(),
            is_head_emitted: false,
            sealed: 0,
        }
    }

    /// Adds accounts of new rails, so that there are `count`.
    pub(crate) fn add_rails(&mut self, count: usize) {
        self.ledger.add_rails(count);
    }

    /// Adds a closed activation.
    pub(crate) fn add_activation(&mut self, closed: Closed, role: Option<Role>, shortest_ns: i64) {
        self.ledger.add_activation(closed, role, shortest_ns);
    }

    /// Returns the offset of the clock of a rail's sensor and its standard deviation.
    pub(crate) fn clock(&self, rail: u32) -> (i64, f64) {
        self.allocator.clock(rail)
    }

    /// Whether a live estimate was requested, and any rail can be estimated.
    pub(crate) fn is_estimating(&self, rails: &[RailInfo]) -> bool {
        self.allocator.is_estimating(rails)
    }

    /// Returns the events since the last call.
    pub(crate) fn take_events(&mut self) -> Vec<EventRow> {
        self.ledger.events.take()
    }

    /// Closes every window with complete inputs: spans until `sealed`, CPU times until
    /// `cpu_until`. Returns new rows,
    /// without totals.
    pub(crate) fn advance(
        &mut self,
        builder: &mut WindowBuilder,
        (sealed, cpu_until): (i64, i64),
    ) -> AttributionRows {
        self.close_windows(builder, sealed.min(cpu_until), cpu_until);
        self.report_gaps(builder, sealed);
        let keep = builder.reached(sealed);
        let mut rows = self.take_rows(builder, keep);
        let keep = whole_slots(keep);
        self.ledger.keep_open_gaps(keep, &builder.inputs);
        builder.prune(keep);
        self.sealed = sealed;
        rows.head = self.first_head(builder);
        rows
    }

    /// Returns totals up to now: of nodes, those that have changed since the last call.
    pub(crate) fn totals(&mut self, builder: &WindowBuilder) -> AttributionRows {
        let mut rows = AttributionRows::default();
        let inputs = &builder.inputs;
        let estimates = self.allocator.estimates(&inputs.kinds);
        add_changed(&mut rows, &mut self.ledger, inputs, estimates, self.sealed);
        rows
    }

    /// Closes every window, cut to `end`, and returns all totals.
    pub(crate) fn finish(
        mut self,
        builder: &mut WindowBuilder,
        end: i64,
    ) -> (AttributionRows, Finished) {
        self.report_late_records(builder);
        self.close_windows(builder, end, i64::MAX);
        self.report_gaps(builder, end);
        let mut rows = self.take_rows(builder, i64::MAX);
        let finished = self.report_end(builder, end, &mut rows);
        (rows, finished)
    }

    /// Closes all windows that end by `limit`, in the order of their ends.
    fn close_windows(&mut self, builder: &mut WindowBuilder, limit: i64, cpu_until: i64) {
        builder.forget();
        while let Some(closed) = builder.next(limit, cpu_until) {
            if let Some(start) = closed.gap_from {
                self.ledger.report_gap(closed.at, start, &builder.inputs);
            }
            let Some(energy_j) = closed.measured.energy_j else {
                self.ledger.add_unmeasured(&closed, &builder.inputs);
                continue;
            };
            let view = builder.view(builder.sample_window(&closed, energy_j), cpu_until);
            let allocation = self.allocator.allocate(&view);
            self.ledger.add(&view, &allocation, &builder.inputs);
        }
    }

    fn report_gaps(&mut self, builder: &mut WindowBuilder, until: i64) {
        let gaps: Vec<(usize, i64)> = builder.unreported_gaps(until).collect();
        for (at, start) in gaps {
            self.ledger.report_gap(at, start, &builder.inputs);
        }
    }

    fn report_late_records(&mut self, builder: &WindowBuilder) {
        let count = builder.inputs.spans.late_edges;
        if count > 0 {
            let message = format!(
                "{count} records arrived after their power windows had closed, because their \
                 threads were preempted: run `energy attribute` for exact results"
            );
            let time_ns = builder.inputs.run_end;
            let events = &mut self.ledger.events;
            events.add_many(time_ns, "late_records", count, message);
        }
    }

    /// Returns the rows of closed windows, and of activations that ended by `until`.
    fn take_rows(&mut self, builder: &WindowBuilder, until: i64) -> AttributionRows {
        let mut rows = std::mem::take(&mut self.ledger.rows);
        rows.span_energy = self.ledger.take_activations(until, &builder.inputs);
        rows
    }

    /// Returns the head at the first call.
    fn first_head(&mut self, builder: &WindowBuilder) -> Option<AttributionRow> {
        if std::mem::replace(&mut self.is_head_emitted, true) {
            return None;
        }
        let metadata = self.allocator.metadata(&builder.inputs.rails);
        Some(head(&self.ledger, &builder.inputs, metadata.as_ref(), &[]))
    }

    /// Adds all rows of totals at the end of the run.
    fn report_end(
        &mut self,
        builder: &WindowBuilder,
        end: i64,
        rows: &mut AttributionRows,
    ) -> Finished {
        let inputs = &builder.inputs;
        let metadata = self.allocator.metadata(&inputs.rails);
        let estimates = self.allocator.estimates(&inputs.kinds);
        let method = (metadata.as_ref(), estimates);
        add_all(rows, &mut self.ledger, inputs, method, end)
    }
}
