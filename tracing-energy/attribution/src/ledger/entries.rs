//! The ledger: enters the allocation of each window into sums, sets, intervals and rows.
//!
//! ```text
//! allocation   idle 2 J | a 3 J, b 4 J | unattributed 1 J        of one window
//!                 |          |  |            |
//! accounts     + 2 J      + 7 J (spans)   + 1 J             of the rail
//! nodes                  a + 3, b + 4
//! sets         + 10 J, by the time of each set in the window
//! intervals    energy of the activations that were open, by their time in the window
//! ```

use energy_data::rows::{Accounts, AttributionRows, Role, SampleBalanceRow, SpanEnergyRow};
use energy_data::{Provenance, gives_peak};

use crate::allocate::allocation::{Allocation, CellSplit, Split, thread_powers};
use crate::conserve;
use crate::ledger::coverage::{self, GapBefore};
use crate::ledger::energy_curve::EnergyCurve;
use crate::ledger::events::EventLog;
use crate::ledger::intervals::{Intervals, PricedWindow};
use crate::ledger::rail_account::RailAccount;
use crate::ledger::set_energy::SetWindow;
use crate::ledger::window_rows;
use crate::spans::segments::Closed;
use crate::windows::activity::Window;
use crate::windows::basis::SplitBasis;
use crate::windows::inputs::RunInputs;
use crate::windows::measured::ClosedWindow;
use crate::windows::view::{SampleWindow, WindowView};

/// Counts of windows, and of exceptional ones.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counters {
    pub(crate) windows: u64,
    pub(crate) unmeasured_windows: u64,
    pub(crate) windows_without_cpu: u64,
    pub(crate) unbalanced_windows: u64,
    pub(crate) worst_imbalance: f64,
    pub(crate) late_samples: u64,
}

/// Totals of all closed windows.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// In the order of [`RunInputs::rails`].
    pub(crate) rails: Vec<RailAccount>,
    pub(crate) counters: Counters,
    pub(crate) events: EventLog,
    /// Rows of windows that closed since rows were last taken.
    pub(crate) rows: AttributionRows,
    intervals: Intervals,
    /// First start and last end of all windows.
    known: (i64, i64),
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            rails: Vec::new(),
            counters: Counters::default(),
            events: EventLog::default(),
            rows: AttributionRows::default(),
            intervals: Intervals::default(),
            known: (i64::MAX, i64::MIN),
        }
    }
}

impl Ledger {
    /// Adds accounts of new rails.
    pub(crate) fn add_rails(&mut self, count: usize) {
        if self.rails.len() < count {
            self.rails.resize_with(count, RailAccount::default);
        }
    }

    /// Adds a closed activation, which gets rows if its role or its length requires them.
    pub(crate) fn add_activation(&mut self, closed: Closed, role: Option<Role>, shortest_ns: i64) {
        let always = matches!(
            role,
            Some(Role::Run | Role::Phase | Role::Section | Role::Token)
        );
        self.intervals.close(closed, always, shortest_ns);
    }

    /// Adds a window without energy.
    pub(crate) fn add_unmeasured(&mut self, closed: &ClosedWindow, inputs: &RunInputs) {
        self.counters.unmeasured_windows += 1;
        let account = &mut self.rails[closed.at];
        account.closed_until = closed.measured.end;
        if !std::mem::replace(&mut account.was_null, true) {
            self.report_gap(closed.at, closed.measured.start, inputs);
        }
    }

    /// Reports that a rail has no energy from `start` on.
    pub(crate) fn report_gap(&mut self, at: usize, start: i64, inputs: &RunInputs) {
        let rail = &inputs.rails[at];
        // On the sensor's clock, so that all attributions report the same time.
        let start = if start > 0 {
            start + rail.clock_offset_ns
        } else {
            0
        };
        let name = &rail.row.name;
        let message = format!(
            "rail {name} has a gap: no energy was reported after {:.3} s",
            start as f64 / 1e9
        );
        self.events.add(start, "unmeasured", message);
    }

    /// Adds the allocation of a window.
    pub(crate) fn add(&mut self, view: &WindowView, allocation: &Allocation, inputs: &RunInputs) {
        let (sample, measured) = (&view.sample, &view.sample.measured);
        let window = &view.content.window;
        self.count(view, inputs);
        let CellSplit { split, cells } = &allocation.active;
        let accounts = accounts(sample.energy_j, allocation.idle_j, split);
        let unsplit = split.unattributed.is_none() && split.unknown.is_none();
        self.check(&accounts, allocation.is_estimated || unsplit);
        let clock_offset_ns = inputs.rails[sample.at].clock_offset_ns;
        self.rows.sample_balance.push(SampleBalanceRow {
            rail: sample.rail,
            start_ns: measured.start + clock_offset_ns,
            end_ns: measured.end + clock_offset_ns,
            accounts,
            phase: view.content.phase,
        });
        let powers = thread_powers(split, window);
        window_rows::add(&mut self.rows.window_power, view, allocation, &powers);
        let is_long = gives_peak(window.length(), inputs.rails[sample.at].row.interval_ns);
        let account = &mut self.rails[sample.at];
        account.was_null = false;
        account.closed_until = measured.end;
        account.is_estimated |= allocation.is_estimated;
        account.sums.add_accounts(measured, &accounts);
        account.sums.add_nodes(window, cells, is_long);
        if let Some(in_idle) = &allocation.in_idle {
            let parts = self::accounts(0.0, None, &in_idle.split);
            account.sums.add_in_idle(window, &parts, &in_idle.cells);
        }
        let gap = self.add_to_sets(view, allocation.idle_j, inputs);
        self.add_to_intervals(view, allocation, (&powers, gap), inputs);
    }

    /// Returns the rows of activations that ended by `until`, and removes these.
    pub(crate) fn take_activations(
        &mut self,
        until: i64,
        inputs: &RunInputs,
    ) -> Vec<SpanEnergyRow> {
        self.intervals.take(until, &inputs.rails)
    }

    /// Copies what open gaps need before the data before `keep` is dropped.
    pub(crate) fn keep_open_gaps(&mut self, keep: i64, inputs: &RunInputs) {
        for account in &mut self.rails {
            coverage::keep_open_gap(account, &inputs.spans.phases, keep);
        }
    }

    /// Returns start and end of the attributed time until `now`. An imported file covers the
    /// time from its first to its last event; a recording covers the whole run.
    pub(crate) fn extent(&self, inputs: &RunInputs, now: i64) -> (i64, i64) {
        let mut rails = inputs.rails.iter().map(|rail| rail.row.provenance);
        let all = rails.all(|provenance| provenance == Provenance::Replayed);
        let spans = inputs.spans.known;
        let (first, last) = (self.known.0.min(spans.0), self.known.1.max(spans.1));
        if !all || first > last {
            return (0, now);
        }
        let ended = inputs.run_end < i64::MAX;
        let to = if ended { last.min(now) } else { now };
        (first.clamp(0, to), to)
    }

    /// Counts a window, and reports one whose sample arrived after its spans were dropped: all of
    /// its energy is residual.
    fn count(&mut self, view: &WindowView, inputs: &RunInputs) {
        let sample = &view.sample;
        if view.division.is_some() {
            let basis = SplitBasis::of(sample.kind, view.content.cpu, None);
            self.counters.windows += 1;
            self.counters.windows_without_cpu += u64::from(basis == SplitBasis::Unsplit);
            return;
        }
        self.counters.late_samples += 1;
        let name = &inputs.rails[sample.at].row.name;
        let message =
            format!("a sample of rail {name} arrived too late to be split: its energy is residual");
        self.events
            .add(sample.measured.start, "late_sample", message);
    }

    fn check(&mut self, accounts: &Accounts, unsplit: bool) {
        let mut off = conserve::imbalance(accounts);
        if !unsplit {
            off = off.max(conserve::ratio(accounts.residual_j, accounts));
        }
        let counters = &mut self.counters;
        counters.worst_imbalance = counters.worst_imbalance.max(off);
        let balanced = off <= conserve::TOLERANCE;
        counters.unbalanced_windows += u64::from(!balanced);
    }

    /// Adds a window to the sets that were open in it, and the gap before it to those that
    /// were open then.
    fn add_to_sets(
        &mut self,
        view: &WindowView,
        idle_j: Option<f64>,
        inputs: &RunInputs,
    ) -> GapBefore {
        let SampleWindow {
            at,
            measured,
            energy_j,
            ..
        } = &view.sample;
        self.known.0 = self.known.0.min(measured.start);
        self.known.1 = self.known.1.max(measured.end);
        let (first, _) = self.extent(inputs, measured.start);
        let (account, rail) = (&mut self.rails[*at], &inputs.rails[*at]);
        let gap = GapBefore::of(account, rail, measured.start);
        let sets = &inputs.spans.phases;
        coverage::close_gap(account, rail, sets, (first, measured.start));
        let window = SetWindow {
            measured,
            energy_j: *energy_j,
            idle_j,
            scatter: &account.scatter,
            clock_s: rail.clock_sd_ns / 1e9,
        };
        account
            .phases
            .add_window(&window, &view.content.phase_times);
        if !window.is_short() {
            let (power_w, length) = (window.power_w(), window.length());
            account.scatter.push(power_w, length);
        }
        account.filled_until = measured.end;
        gap
    }

    /// Adds a window to the activations that were open in it.
    fn add_to_intervals(
        &mut self,
        view: &WindowView,
        allocation: &Allocation,
        (powers, gap): (&[f64], GapBefore),
        inputs: &RunInputs,
    ) {
        let (window, stacks) = (&view.content.window, &inputs.spans.stacks);
        let powers = by_thread(window, powers);
        let cells = &allocation.active.cells;
        let curve = allocation
            .is_uneven()
            .then(|| EnergyCurve::of(&stacks.threads, window, cells));
        let priced = PricedWindow {
            rail: view.sample.at,
            measured: &view.sample.measured,
            energy_j: view.sample.energy_j,
            idle_j: allocation.idle_j,
            powers: &powers,
            curve: curve.as_ref(),
            gap,
        };
        self.intervals.add(&priced, &stacks.open);
    }
}

fn accounts(energy_j: f64, idle_j: Option<f64>, split: &Split) -> Accounts {
    let mut accounts = Accounts {
        measured_j: energy_j,
        idle_j,
        spans_j: split.threads.iter().sum(),
        unattributed_j: split.unattributed,
        other_processes_j: split.other_processes,
        profiler_j: split.profiler,
        residual_j: 0.0,
        unknown_j: split.unknown,
    };
    accounts.residual_j = conserve::remainder_j(&accounts);
    accounts
}

/// Returns powers by thread id.
fn by_thread(window: &Window, powers: &[f64]) -> Vec<f64> {
    let threads = &window.threads;
    let count = threads.last().map_or(0, |last| last.thread as usize + 1);
    let mut dense = vec![0.0; count];
    for (part, power) in threads.iter().zip(powers) {
        dense[part.thread as usize] = *power;
    }
    dense
}
