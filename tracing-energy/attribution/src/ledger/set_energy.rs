//! Energy of a rail by set of open phases, and the time without samples.
//!
//! A window across an edge is divided by time. The correct part of each side is estimated from
//! the window before:
//!
//! ```text
//! windows   | a a a a | a a b b |      p: mean power of the second
//! phase     |====== a ======|          its part is too low by (before - p) x time
//! ```

use crate::ledger::gaps::Filler;
use crate::ledger::scatter::{MeanPower, Scatter, Variance};
use crate::windows::measured::MeasuredPart;

/// Share of a window's time in one set from which on the window gives the set's power.
const PURE: f64 = 0.9;
/// Share of the usual length below which a window gives no power.
const SHORT: f64 = 0.25;

/// Energy that a rail measured while one set was open.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct SetEnergy {
    pub(crate) energy_j: f64,
    pub(crate) idle_j: f64,
    pub(crate) idle_unknown: bool,
    pub(crate) covered_ns: f64,
    pub(crate) peak_w: Option<f64>,
    pub(crate) edges: Edges,
}

/// Estimated error of the division of windows across a set's edges.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Edges {
    /// Estimated true energy minus the assigned energy, where a window before gives it.
    pub(crate) moved_j: f64,
    pub(crate) error: Variance,
    /// Possible error where no window before gives it.
    pub(crate) unknown_j: f64,
}

/// One rail by sets of open phases.
#[derive(Debug, Default)]
pub(crate) struct SetEnergies {
    pub(crate) energies: Vec<SetEnergy>,
    pub(crate) fillers: Vec<Filler>,
    /// Mean powers of windows that belong to one set.
    means_w: Vec<MeanPower>,
    /// Set, mean power and end of the last window.
    last: Option<(u32, f64, i64)>,
}

/// A window to be added to sets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SetWindow<'w> {
    pub(crate) measured: &'w MeasuredPart,
    pub(crate) energy_j: f64,
    pub(crate) idle_j: Option<f64>,
    /// Variation of the rail's powers.
    pub(crate) scatter: &'w Scatter,
    /// Standard deviation of the offset of the sensor's clock, in seconds.
    pub(crate) clock_s: f64,
}

impl SetWindow<'_> {
    pub(crate) fn length(&self) -> i64 {
        self.measured.end - self.measured.start
    }

    pub(crate) fn power_w(&self) -> f64 {
        self.energy_j / (self.length() as f64 / 1e9)
    }

    pub(crate) fn is_short(&self) -> bool {
        let usual = self.scatter.window_ns().unwrap_or(0.0);
        (self.length() as f64) < usual * SHORT
    }
}

impl SetEnergy {
    /// Adds `ns` of a window.
    fn add(&mut self, window: &SetWindow<'_>, ns: i64) {
        let part = ns as f64 / window.length() as f64;
        self.energy_j += window.energy_j * part;
        self.idle_j += window.idle_j.unwrap_or(0.0) * part;
        self.idle_unknown |= window.idle_j.is_none();
        self.covered_ns += ns as f64;
        self.peak_w = self.peak_w.max_of(window.measured.peak_w);
    }

    /// Adds a share of another set's energy.
    pub(crate) fn add_share(&mut self, other: &Self, share: f64) {
        self.energy_j += other.energy_j * share;
        self.idle_j += other.idle_j * share;
        self.idle_unknown |= other.idle_unknown;
        self.covered_ns += other.covered_ns * share;
        self.peak_w = self.peak_w.max_of(other.peak_w);
        self.edges.moved_j += other.edges.moved_j * share;
        self.edges.error.add_scaled(other.edges.error, share);
        self.edges.unknown_j += other.edges.unknown_j * share;
    }

    /// Mean power while the set was open.
    pub(crate) fn mean_w(&self) -> Option<f64> {
        (self.covered_ns > 0.0).then(|| self.energy_j / (self.covered_ns / 1e9))
    }
}

trait MaxOf {
    fn max_of(self, other: Self) -> Self;
}

impl MaxOf for Option<f64> {
    fn max_of(self, other: Self) -> Self {
        match (self, other) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        }
    }
}

impl SetEnergies {
    /// Adds a window with its time in each set.
    pub(crate) fn add_window(&mut self, window: &SetWindow<'_>, times: &[(u32, i64)]) {
        for &(set, ns) in times {
            self.grow(set);
            self.energies[set as usize].add(window, ns);
        }
        if times.len() > 1 {
            self.add_edges(window, times);
        }
        let (end, power_w) = (window.measured.end, window.power_w());
        let pure = PURE * window.length() as f64;
        let only = times.iter().find(|&&(_, ns)| ns as f64 >= pure);
        self.last = only.map(|&(set, _)| (set, power_w, end));
        if let Some(&(set, _)) = only.filter(|_| !window.is_short()) {
            self.means_w[set as usize].add(power_w);
            self.fillers[set as usize].push(power_w, window.length());
        }
    }

    /// Adds a time without samples.
    pub(crate) fn add_gap(&mut self, times: &[(u32, i64)], window_ns: i64) {
        for &(set, ns) in times {
            self.grow(set);
            self.fillers[set as usize].gap(ns, window_ns);
        }
    }

    fn add_edges(&mut self, window: &SetWindow<'_>, times: &[(u32, i64)]) {
        let power_w = window.power_w();
        let before = self.last.filter(|last| last.2 == window.measured.start);
        let ended = before.and_then(|(set, before_w, _)| {
            let ns = times.iter().find(|&&(other, _)| other == set)?.1;
            Some((set, ns, before_w))
        });
        let known_ns = ended.map_or(0, |(_, ns, _)| ns);
        let others_ns = (window.length() - known_ns) as f64;
        let jump_w = ended.map_or(0.0, |(_, _, before_w)| before_w - power_w);
        let moved_j = jump_w * known_ns as f64 / 1e9;
        let error = edge_error(window, known_ns, jump_w);
        for &(set, ns) in times {
            let mean_w = self.means_w[set as usize].power_w();
            let edges = &mut self.energies[set as usize].edges;
            if ended.is_some_and(|(ended, ..)| ended == set) {
                edges.moved_j += moved_j;
                edges.error.add_scaled(error, 1.0);
                continue;
            }
            let share = ns as f64 / others_ns;
            edges.moved_j -= moved_j * share;
            edges.error.add_scaled(error, share);
            // Half of the range of possible powers, from zero to that of the window; less if
            // the set's own power is known.
            let most_w = power_w.abs() * (1.0 - share) / 2.0;
            let off_w = mean_w.map_or(most_w, |mean_w| (power_w - mean_w).abs().min(most_w));
            edges.unknown_j += off_w * ns as f64 / 1e9;
        }
    }

    fn grow(&mut self, set: u32) {
        let at = set as usize;
        if self.energies.len() <= at {
            self.energies.resize(at + 1, SetEnergy::default());
        }
        if self.fillers.len() <= at {
            self.fillers.resize_with(at + 1, Filler::default);
        }
        if self.means_w.len() <= at {
            self.means_w.resize(at + 1, MeanPower::default());
        }
    }
}

/// Variance of the energy moved across an edge: noise of both powers, and the clock offset.
fn edge_error(window: &SetWindow<'_>, ns: i64, jump_w: f64) -> Variance {
    let mut error = Variance::exact((window.clock_s * jump_w).powi(2));
    error.add_scaled(window.scatter.step(), ns as f64 / 1e9);
    error
}
