//! Accumulated totals of one rail: its accounts and the self energy of nodes.

use energy_data::rows::Accounts;

use crate::idle_power::Powers;
use crate::windows::activity::Window;
use crate::windows::measured::MeasuredPart;

/// Share of a window's time from which on a node's power counts for its extremes. Powers over
/// shorter times are imprecise.
const EXTREMES_FROM: f64 = 0.01;

/// A node on a rail.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct NodeEnergy {
    pub(crate) self_j: f64,
    /// Part of idle energy that is the node's if idle power is not subtracted.
    pub(crate) in_idle_j: f64,
    /// Self time inside windows.
    pub(crate) measured_ns: i64,
    pub(crate) min_w: Option<f64>,
    pub(crate) peak_w: Option<f64>,
    /// Energy, self time and activations that were last reported.
    pub(crate) reported: Option<(f64, i64, u64)>,
}

/// One rail's totals.
#[derive(Debug, Default)]
pub(crate) struct RailSums {
    pub(crate) accounts: Accounts,
    /// Part of idle energy that is in each account if idle power is not subtracted.
    pub(crate) in_idle: Accounts,
    /// Powers of windows.
    pub(crate) powers: Powers,
    pub(crate) covered_ns: i64,
    /// The part of `covered_ns` for which idle energy is known.
    pub(crate) idle_ns: i64,
    pub(crate) peak: Option<(f64, i64)>,
    pub(crate) nodes: Vec<NodeEnergy>,
    in_window: Vec<(f64, i64)>,
    touched: Vec<u32>,
}

impl RailSums {
    /// Adds the accounts of a window.
    pub(crate) fn add_accounts(&mut self, measured: &MeasuredPart, accounts: &Accounts) {
        add_all(&mut self.accounts, accounts);
        let length = measured.end - measured.start;
        self.powers.add(accounts.measured_j, length);
        self.covered_ns += length;
        self.idle_ns += if accounts.idle_j.is_some() { length } else { 0 };
        if let Some(power) = measured.peak_w
            && self.peak.is_none_or(|(peak, _)| power > peak)
        {
            self.peak = Some((power, i64::midpoint(measured.start, measured.end)));
        }
    }

    /// Adds the accounts of a window's idle energy, used if idle power is not subtracted.
    pub(crate) fn add_in_idle(&mut self, window: &Window, accounts: &Accounts, powers: &[f64]) {
        add_all(&mut self.in_idle, accounts);
        for (cell, power) in window.cells().iter().zip(powers) {
            self.nodes[cell.node as usize].in_idle_j += power * cell.seconds();
        }
    }

    /// Adds a window's self energies; `powers` are those of its cells. They count for the extremes of
    /// nodes if `gives_peak`.
    pub(crate) fn add_nodes(&mut self, window: &Window, powers: &[f64], gives_peak: bool) {
        for (cell, power) in window.cells().iter().zip(powers) {
            self.add_in_window(cell.node, power * cell.seconds(), cell.ns);
        }
        self.touched.sort_unstable();
        for at in 0..self.touched.len() {
            let node = self.touched[at] as usize;
            let (energy, ns) = std::mem::take(&mut self.in_window[node]);
            let least_ns = match gives_peak {
                true => EXTREMES_FROM * window.length() as f64,
                false => f64::INFINITY,
            };
            self.nodes[node].add(energy, ns, least_ns);
        }
        self.touched.clear();
    }

    fn add_in_window(&mut self, node: u32, energy: f64, ns: i64) {
        let at = node as usize;
        if self.in_window.len() <= at {
            self.in_window.resize(at + 1, (0.0, 0));
            let nodes = self.nodes.len().max(at + 1);
            self.nodes.resize(nodes, NodeEnergy::default());
        }
        let sum = &mut self.in_window[at];
        if sum.1 == 0 {
            self.touched.push(node);
        }
        *sum = (sum.0 + energy, sum.1 + ns);
    }
}

impl NodeEnergy {
    fn add(&mut self, energy: f64, ns: i64, extremes_from_ns: f64) {
        self.self_j += energy;
        self.measured_ns += ns;
        if ns as f64 >= extremes_from_ns {
            let power = energy / (ns as f64 / 1e9);
            self.min_w = Some(self.min_w.map_or(power, |min| min.min(power)));
            self.peak_w = Some(self.peak_w.map_or(power, |peak| peak.max(power)));
        }
    }
}

fn add_all(sums: &mut Accounts, accounts: &Accounts) {
    sums.measured_j += accounts.measured_j;
    sums.spans_j += accounts.spans_j;
    add(&mut sums.idle_j, accounts.idle_j);
    add(&mut sums.unattributed_j, accounts.unattributed_j);
    add(&mut sums.other_processes_j, accounts.other_processes_j);
    add(&mut sums.profiler_j, accounts.profiler_j);
    add(&mut sums.unknown_j, accounts.unknown_j);
}

/// Adds a known amount; the sum is `None` until then.
fn add(sum: &mut Option<f64>, amount: Option<f64>) {
    if let Some(amount) = amount {
        *sum = Some(sum.unwrap_or(0.0) + amount);
    }
}
