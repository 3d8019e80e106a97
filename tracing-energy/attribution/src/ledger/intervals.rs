//! Interval energy of activations: the energy that each rail measured during them.
//!
//! ```text
//! windows      | 2 J | 4 J | 4 J | 3 J |
//! activation      |-----------|               1 + 4 + 2 J = 7 J
//! its thread   | 1 W | 3 W | 3 W | 0 W |      spans_j: power x time, and that of
//! child on another   |---|                    descendants on other threads
//! ```
//!
//! Stored for activations with a role and for those longer than two windows. For all others
//! it is computed from `window_power` when it is read.

use std::collections::VecDeque;

use energy_data::Provenance;
use energy_data::rows::{Basis, SpanEnergyRow};

use crate::ledger::coverage::GapBefore;
use crate::ledger::energy_curve::EnergyCurve;
use crate::ledger::scatter::Variance;
use crate::spans::activation::{Elsewhere, OffThreadTime, Slab};
use crate::spans::segments::Closed;
use crate::windows::measured::MeasuredPart;
use crate::windows::rail::RailInfo;

/// Number of whole windows from which on an interval counts as measured.
const MEASURED_FROM: u32 = 10;

/// One activation on one rail.
#[derive(Debug, Clone, Copy, Default)]
struct IntervalPart {
    energy_j: f64,
    idle_j: f64,
    idle_unknown: bool,
    spans_j: f64,
    covered_ns: i64,
    peak_w: Option<f64>,
    whole: u32,
    edges_j: f64,
    /// Variance of the energy estimated for gaps inside of it.
    gaps: Variance,
    gaps_ns: i64,
    /// Variance of the mean power of a gap after its last window.
    after: Variance,
    clock_s: f64,
    /// Mean power of its first and its last window.
    ends_w: Option<(f64, f64)>,
}

/// A closed activation that waits for its windows.
#[derive(Debug)]
struct PendingInterval {
    closed: Closed,
    always: bool,
    parts: Vec<IntervalPart>,
}

/// Activations that may get a row.
#[derive(Debug, Default)]
pub(crate) struct Intervals {
    open: Vec<Vec<IntervalPart>>,
    /// Closed activations by end.
    pending: VecDeque<PendingInterval>,
    elsewhere_ns: Vec<i64>,
    touched: Vec<u32>,
}

/// A closed window with its prices.
pub(crate) struct PricedWindow<'a> {
    pub(crate) rail: usize,
    pub(crate) measured: &'a MeasuredPart,
    pub(crate) energy_j: f64,
    pub(crate) idle_j: Option<f64>,
    /// Mean power of every thread, by thread id.
    pub(crate) powers: &'a [f64],
    /// Set if activations of one thread have different powers.
    pub(crate) curve: Option<&'a EnergyCurve>,
    pub(crate) gap: GapBefore,
}

/// Time of one activation, on its own and on other threads.
struct ActivationTime<'a> {
    thread: u32,
    start: i64,
    end: i64,
    off_thread_times: &'a [OffThreadTime],
    elsewhere: &'a [Elsewhere],
}

impl Intervals {
    /// Adds a closed activation. It gets a row on each rail if `always`, else on rails with
    /// sufficiently short windows.
    pub(crate) fn close(&mut self, closed: Closed, always: bool, shortest_ns: i64) {
        let parts = self.open.get_mut(closed.slot as usize);
        let parts = parts.map(std::mem::take).unwrap_or_default();
        if always || is_long(&closed, shortest_ns) {
            self.pending.push_back(PendingInterval {
                closed,
                always,
                parts,
            });
        }
    }

    /// Adds a window to every activation that it overlaps. `activations` are those that are open.
    pub(crate) fn add(&mut self, window: &PricedWindow<'_>, activations: &Slab) {
        let mut open = std::mem::take(&mut self.open);
        for (slot, a) in activations.open() {
            let extent = ActivationTime {
                thread: a.thread,
                start: a.start,
                end: i64::MAX,
                off_thread_times: &a.off_thread_times,
                elsewhere: &a.elsewhere,
            };
            if extent.start < window.measured.end {
                if open.len() <= slot as usize {
                    open.resize_with(slot as usize + 1, Vec::new);
                }
                self.add_to(&mut open[slot as usize], &extent, window);
            }
        }
        self.open = open;
        let mut pending = std::mem::take(&mut self.pending);
        let first = pending.partition_point(|p| p.closed.end <= window.measured.start);
        for PendingInterval { closed, parts, .. } in pending.range_mut(first..) {
            let extent = ActivationTime {
                thread: closed.thread,
                start: closed.start,
                end: closed.end,
                off_thread_times: &closed.off_thread_times,
                elsewhere: &[],
            };
            if extent.start < window.measured.end {
                self.add_to(parts, &extent, window);
            }
        }
        self.pending = pending;
    }

    /// Returns the rows of activations that ended by `until`, and removes these.
    pub(crate) fn take(&mut self, until: i64, rails: &[RailInfo]) -> Vec<SpanEnergyRow> {
        let mut rows = Vec::new();
        while self.pending.front().is_some_and(|p| p.closed.end <= until) {
            let Some(done) = self.pending.pop_front() else {
                break;
            };
            for (at, rail) in rails.iter().enumerate() {
                if done.always || is_long(&done.closed, rail.row.interval_ns) {
                    let part = done.parts.get(at).copied().unwrap_or_default();
                    rows.push(part.row(done.closed.seq, done.closed.end - done.closed.start, rail));
                }
            }
        }
        rows
    }

    fn add_to(
        &mut self,
        parts: &mut Vec<IntervalPart>,
        extent: &ActivationTime<'_>,
        window: &PricedWindow<'_>,
    ) {
        let spans_j = self.spans_j(extent, window);
        if parts.len() <= window.rail {
            parts.resize(window.rail + 1, IntervalPart::default());
        }
        parts[window.rail].add(extent, window, spans_j);
    }

    /// Returns its share of the ledger. Times are summed before they are priced, so that the
    /// result does not depend on the order in which they arrived.
    fn spans_j(&mut self, extent: &ActivationTime<'_>, window: &PricedWindow<'_>) -> f64 {
        let (start, end) = (window.measured.start, window.measured.end);
        let mut energy = window.own_j(extent);
        for time in extent.off_thread_times {
            self.add_elsewhere(time.thread, covered_in(time, start, end));
        }
        for there in extent.elsewhere {
            self.add_elsewhere(there.thread, overlap(there.since, i64::MAX, start, end));
        }
        self.touched.sort_unstable();
        for thread in self.touched.drain(..) {
            let ns = std::mem::take(&mut self.elsewhere_ns[thread as usize]);
            energy += window.power(thread) * (ns as f64 / 1e9);
        }
        energy
    }

    fn add_elsewhere(&mut self, thread: u32, ns: i64) {
        if ns <= 0 {
            return;
        }
        if self.elsewhere_ns.len() <= thread as usize {
            self.elsewhere_ns.resize(thread as usize + 1, 0);
        }
        if self.elsewhere_ns[thread as usize] == 0 {
            self.touched.push(thread);
        }
        self.elsewhere_ns[thread as usize] += ns;
    }
}

impl PricedWindow<'_> {
    /// Returns the energy of an activation's own thread during its time in the window.
    fn own_j(&self, extent: &ActivationTime<'_>) -> f64 {
        let (start, end) = (self.measured.start, self.measured.end);
        if let Some(curve) = self.curve {
            return curve.energy_j(extent.thread, extent.start.max(start), extent.end.min(end));
        }
        let own = overlap(extent.start, extent.end, start, end);
        self.power(extent.thread) * (own as f64 / 1e9)
    }

    fn power(&self, thread: u32) -> f64 {
        self.powers.get(thread as usize).copied().unwrap_or(0.0)
    }
}

impl IntervalPart {
    fn add(&mut self, extent: &ActivationTime<'_>, window: &PricedWindow<'_>, spans_j: f64) {
        let (start, end) = (window.measured.start, window.measured.end);
        let inside = overlap(extent.start, extent.end, start, end);
        if inside <= 0 {
            return;
        }
        let share = inside as f64 / (end - start) as f64;
        self.energy_j += window.energy_j * share;
        self.idle_j += window.idle_j.unwrap_or(0.0) * share;
        self.idle_unknown |= window.idle_j.is_none();
        self.spans_j += spans_j;
        self.covered_ns += inside;
        self.add_gap(extent, window);
        let power = window.measured.peak_w;
        self.peak_w = match (self.peak_w, power) {
            (Some(peak), Some(power)) => Some(peak.max(power)),
            (peak, power) => peak.or(power),
        };
        if extent.start <= start && extent.end >= end {
            self.whole += 1;
        } else {
            self.edges_j += window.energy_j;
        }
    }

    fn add_gap(&mut self, extent: &ActivationTime<'_>, window: &PricedWindow<'_>) {
        let gap = &window.gap;
        let ns = overlap(extent.start, extent.end, gap.start, window.measured.start).max(0);
        self.gaps.add_scaled(gap.variance, ns as f64 / 1e9);
        self.gaps_ns += ns;
        (self.after, self.clock_s) = (gap.after, gap.clock_s);
        let length_ns = window.measured.end - window.measured.start;
        let power_w = window.energy_j / (length_ns as f64 / 1e9);
        let first_w = self.ends_w.map_or(power_w, |(first, _)| first);
        self.ends_w = Some((first_w, power_w));
    }

    /// Half of the 90 % interval, from windows across the ends, gaps, and the sensor's clock,
    /// which moves both ends by the same time.
    fn half_j(&self, missing_ns: i64) -> f64 {
        let mut error = self.gaps;
        let after_ns = (missing_ns - self.gaps_ns).max(0);
        error.add_scaled(self.after, after_ns as f64 / 1e9);
        let (first_w, last_w) = self.ends_w.unwrap_or_default();
        error.add_scaled(Variance::exact(1.0), self.clock_s * (last_w - first_w));
        (self.edges_j.abs() / 2.0).hypot(error.half())
    }

    fn row(&self, span: u64, duration_ns: i64, rail: &RailInfo) -> SpanEnergyRow {
        let covered = self.covered_ns > 0;
        let basis = match rail.row.provenance {
            Provenance::Modelled => Basis::Modelled,
            Provenance::Replayed => Basis::Replayed,
            Provenance::Measured if self.whole >= MEASURED_FROM => Basis::Measured,
            Provenance::Measured => Basis::Proportional,
        };
        let missing_ns = (duration_ns - self.covered_ns).max(0);
        let half = self.half_j(missing_ns);
        let extrapolated_j = match self.covered_ns {
            0 => 0.0,
            covered => self.energy_j * (missing_ns as f64 / covered as f64),
        };
        let whole_j = self.energy_j + extrapolated_j;
        let bounded = covered && (basis == Basis::Measured || missing_ns > 0);
        SpanEnergyRow {
            span,
            rail: rail.row.id,
            energy_j: covered.then_some(self.energy_j),
            idle_j: (covered && !self.idle_unknown).then_some(self.idle_j),
            spans_j: covered.then_some(self.spans_j),
            lo_j: bounded.then_some(whole_j - half),
            hi_j: bounded.then_some(whole_j + half),
            peak_w: self.peak_w,
            basis,
            covered_ns: self.covered_ns,
            extrapolated_j,
        }
    }
}

fn is_long(closed: &Closed, window_ns: i64) -> bool {
    closed.end - closed.start > window_ns.saturating_mul(2)
}

fn overlap(start: i64, end: i64, from: i64, to: i64) -> i64 {
    end.min(to) - start.max(from)
}

/// Covered time inside a window.
fn covered_in(time: &OffThreadTime, start: i64, end: i64) -> i64 {
    let (inside, length) = (
        overlap(time.start, time.end, start, end).max(0),
        time.end - time.start,
    );
    (i128::from(time.covered) * i128::from(inside) / i128::from(length.max(1))) as i64
}
