//! Rows and totals of all closed windows.

use energy_data::Batched;
use energy_data::Provenance;
use energy_data::rows::{
    AttributionRow, AttributionRows, BalanceRow, Basis, EventRow, NodeEnergyRow, PhaseEnergyRow,
    Role,
};

use super::conserve;
use super::coverage::Gaps;
use super::engine::Engine;
use super::phases::{RUN, phases};
use super::prices::KindEstimate;
use super::rails::RailState;
use super::set_energy::SetEnergy;
use super::totals::Shown;

/// Counts of windows, and of exceptional inputs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) windows: u64,
    pub(super) unmeasured_windows: u64,
    pub(super) windows_without_cpu: u64,
    pub(super) unbalanced_windows: u64,
    pub(super) worst_imbalance: f64,
    pub(super) late_edges: u64,
    pub(super) late_samples: u64,
    pub(super) unknown_rail: u64,
    pub(super) folded_segments: u64,
}

/// One rail over the whole run.
#[derive(Debug, Clone, PartialEq)]
pub struct RailTotal {
    /// Its row in `balance`.
    pub balance: BalanceRow,
    /// Run time that samples cover.
    pub covered_ns: i64,
    /// Idle power x time exceeds the measured energy, so that the idle share is unknown.
    pub baseline_above_run: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Totals by rail, in the order in which rails were added.
    pub rails: Vec<RailTotal>,
    /// Whether every window and every rail balances.
    pub balanced: bool,
    /// The largest imbalance of a window, relative to its largest account.
    pub worst_imbalance: f64,
    /// Events since the last [`Engine::take_events`].
    pub events: Vec<EventRow>,
    /// Diagnostics as a JSON object.
    pub diagnostics: String,
}

impl Engine {
    /// Adds rows of changed totals during the run.
    pub(super) fn report(&mut self, now: i64, rows: &mut AttributionRows) {
        if !self.head_emitted {
            self.head_emitted = true;
            rows.head = Some(self.head(&[]));
        }
        if rows.sample_balance.is_empty() {
            return;
        }
        self.update_live_prices();
        for at in 0..self.rails.len() {
            let (shown, until) = (self.shown(at), self.rails[at].closed_until);
            rows.balance.push(self.balance(at, &shown, until).balance);
            self.node_rows(at, false, &shown, rows);
        }
        self.phase_rows(now, rows);
    }

    /// Adds all rows of totals at the end of the run.
    pub(super) fn report_end(&mut self, end: i64, rows: &mut AttributionRows) -> Finished {
        self.update_live_prices();
        let mut totals = Vec::with_capacity(self.rails.len());
        for at in 0..self.rails.len() {
            let shown = self.shown(at);
            let total = self.balance(at, &shown, end);
            rows.balance.push(total.balance);
            self.node_rows(at, true, &shown, rows);
            totals.push(total);
        }
        self.phase_rows(end, rows);
        self.kind_rows(rows);
        let head = self.head(&totals);
        let diagnostics = head.diagnostics.clone();
        rows.head = Some(head);
        let sums_balance = (0..totals.len()).all(|at| self.nodes_balance(at));
        self.warn_of_totals(&totals, end);
        let rails_balance = totals
            .iter()
            .all(|t| conserve::balances(&t.balance.accounts));
        Finished {
            balanced: self.counters.unbalanced_windows == 0 && rails_balance && sums_balance,
            worst_imbalance: self.counters.worst_imbalance,
            rails: totals,
            events: self.take_events(),
            diagnostics,
        }
    }

    fn balance(&self, at: usize, shown: &Shown, until: i64) -> RailTotal {
        let rail = &self.rails[at];
        let ledger = &rail.ledger;
        let measured_j = shown.accounts.measured_j;
        let gaps = self.all_gaps(at, until);
        let (from, to) = self.extent(until);
        let whole_j = measured_j + gaps.energy_j;
        let half_j = gaps.known_j().map(|_| gaps.half_j());
        RailTotal {
            balance: BalanceRow {
                rail: rail.row.id,
                accounts: shown.accounts,
                extrapolated_j: gaps.known_j().unwrap_or(0.0),
                covered_ns: Some(ledger.covered_ns),
                duration_ns: Some(to - from),
                lo_j: half_j.map(|half| (whole_j - half).max(measured_j.min(whole_j))),
                hi_j: half_j.map(|half| whole_j + half),
                peak_w: ledger.peak.map(|(power, _)| power),
                peak_ns: ledger.peak.map(|(_, time)| time),
            },
            covered_ns: ledger.covered_ns,
            baseline_above_run: shown.is_idle_refuted,
        }
    }

    /// Whether the self energies of nodes add up to the rail's `spans`.
    fn nodes_balance(&self, at: usize) -> bool {
        let ledger = &self.rails[at].ledger;
        let sum: f64 = ledger.nodes.iter().map(|node| node.self_j).sum();
        let size: f64 = ledger.nodes.iter().map(|node| node.self_j.abs()).sum();
        (sum - ledger.accounts.spans_j).abs() <= conserve::TOLERANCE * size.max(1e-12)
    }

    fn node_rows(&mut self, at: usize, all: bool, shown: &Shown, rows: &mut AttributionRows) {
        let inclusive = self.inclusive(&shown.nodes);
        let is_known = !shown.is_idle_refuted && !self.coarse;
        let idle_w = self.rails[at].idle_w().filter(|_| is_known);
        let estimates: Vec<Option<KindEstimate>> = (0..inclusive.len())
            .map(|node| {
                self.prices
                    .as_ref()?
                    .node(self.rails[at].row.id, node as u32)
            })
            .collect();
        let rail = &mut self.rails[at];
        rail.ledger
            .nodes
            .resize(inclusive.len(), Default::default());
        let basis = basis(rail);
        let mut is_reported = vec![false; inclusive.len()];
        for node in (1..inclusive.len()).rev() {
            let changed = std::mem::take(&mut rail.ledger.nodes[node].changed) || is_reported[node];
            is_reported[node] = changed || (all && self.nodes[node].known);
            if let Some(parent) = self.nodes[node].parent.filter(|_| changed) {
                is_reported[parent as usize] = true;
            }
        }
        for node in (1..inclusive.len()).filter(|&node| is_reported[node]) {
            let energy = rail.ledger.nodes[node];
            let self_j = shown.nodes.get(node).copied().unwrap_or(0.0);
            let time = self.stacks.nodes.get(node).copied().unwrap_or_default();
            let seconds = energy.measured_ns as f64 / 1e9;
            let covered_ns = energy.measured_ns.min(time.self_ns);
            let sampled = coverage(covered_ns, time.self_ns);
            let estimate = estimates[node];
            let bounds = estimate.and_then(|estimate| estimate.bounds(self_j));
            rows.node_energy.push(NodeEnergyRow {
                node: node as u32,
                rail: rail.row.id,
                self_j,
                lo_j: bounds.map(|(lo, _)| lo),
                hi_j: bounds.map(|(_, hi)| hi),
                inclusive_j: inclusive[node],
                idle_j: idle_w.map(|watts| watts * (time.idle_ns / 1e9) * sampled),
                self_ns: time.self_ns,
                covered_ns,
                activations: time.activations,
                instances: self.nodes[node].instances,
                min_w: energy.min_w.map(|power| power.max(0.0)),
                avg_w: (seconds > 0.0).then(|| self_j / seconds),
                peak_w: energy.peak_w.map(|power| power.max(0.0)),
                basis: estimate.map_or(basis, |estimate| estimate.basis),
            });
        }
    }

    /// Returns the energy of each node with its descendants; parents have lower ids.
    fn inclusive(&self, own: &[f64]) -> Vec<f64> {
        let mut sums = own.to_vec();
        sums.resize(self.nodes.len(), 0.0);
        for node in (1..sums.len()).rev() {
            if let Some(parent) = self.nodes[node].parent {
                sums[parent as usize] += sums[node];
            }
        }
        sums
    }

    fn phase_rows(&self, now: i64, rows: &mut AttributionRows) {
        let (durations, count) = self.durations(now);
        for (at, rail) in self.rails.iter().enumerate() {
            let shown = self.shown(at);
            let spans = self.spans_by_phase(&shown.nodes);
            let energies = &rail.phases.energies;
            let gaps = self.gaps(at, now);
            let mut sums = vec![Sum::default(); count];
            for set in 0..energies.len().max(gaps.len()) {
                self.share(self.phases.members(set as u32), |member, share| {
                    let sum = &mut sums[member as usize];
                    if let Some(energy) = energies.get(set) {
                        sum.0.add_share(energy, share);
                    }
                    if let Some(gaps) = gaps.get(set) {
                        sum.1.add_share(gaps, share);
                    }
                });
            }
            for (member, sum) in sums.iter().enumerate() {
                let node = (member > 0).then_some(member as u32);
                let duration_ns = durations[member];
                let spans_j = spans.get(member).copied().unwrap_or(0.0);
                if node.is_none() || duration_ns > 0 {
                    let mut row = phase_row(rail.row.id, node, duration_ns, sum, spans_j);
                    row.idle_j = row.idle_j.filter(|_| !shown.is_idle_refuted);
                    rows.phase_energy.push(row);
                }
            }
        }
    }

    /// Calls `add` with each member of a set and its share; member 0 is `(between)`. A set
    /// outside the scope has no shares.
    fn share(&self, members: &[u32], mut add: impl FnMut(u32, f64)) {
        if self.run_from < i64::MAX && members.first() != Some(&RUN) {
            return;
        }
        let phases = phases(members);
        match phases.len() {
            0 => add(0, 1.0),
            count => phases
                .iter()
                .for_each(|&phase| add(phase, 1.0 / count as f64)),
        }
    }

    /// Returns the duration of each phase. `(between)` at index 0 absorbs rounding differences.
    fn durations(&self, now: i64) -> (Vec<i64>, usize) {
        let count = self.nodes.len().max(1);
        let mut shares = vec![0.0; count];
        let (from, to) = self.extent(now);
        let (mut scope, mut outside) = (0, to - from);
        for (set, ns) in self.phases.times(now).into_iter().enumerate() {
            outside -= ns;
            let mut inside = false;
            self.share(self.phases.members(set as u32), |member, share| {
                inside = true;
                shares[member as usize] += ns as f64 * share;
            });
            scope += if inside { ns } else { 0 };
        }
        if self.run_from == i64::MAX {
            scope += outside.max(0);
        }
        let mut rounded: Vec<i64> = shares.iter().map(|ns| ns.round() as i64).collect();
        rounded[0] = (scope - rounded[1..].iter().sum::<i64>()).max(0);
        (rounded, count)
    }

    /// Returns self energies summed by the nearest phase among ancestors; index 0 is no phase.
    fn spans_by_phase(&self, energies: &[f64]) -> Vec<f64> {
        let count = self.nodes.len().max(1);
        let (mut phase_of, mut in_run) = (vec![0; count], vec![false; count]);
        let mut sums = vec![0.0; count];
        for node in 1..count {
            let info = self.nodes[node];
            let above = info.parent.map_or(0, |parent| parent as usize);
            let is_phase = info.role == Some(Role::Phase);
            phase_of[node] = if is_phase { node } else { phase_of[above] };
            in_run[node] = in_run[above] || info.role == Some(Role::Run);
            let counts = phase_of[node] > 0 || in_run[node] || self.run_from == i64::MAX;
            if let Some(energy) = energies.get(node).filter(|_| counts) {
                sums[phase_of[node]] += energy;
            }
        }
        sums
    }

    fn head(&self, totals: &[RailTotal]) -> AttributionRow {
        let above = totals.iter().filter(|total| total.baseline_above_run);
        let above: Vec<u32> = above.map(|total| total.balance.rail).collect();
        let counters = &self.counters;
        let mut diagnostics = serde_json::json!({
            "windows": counters.windows,
            "unmeasured_windows": counters.unmeasured_windows,
            "windows_without_cpu_times": counters.windows_without_cpu,
            "unbalanced_windows": counters.unbalanced_windows,
            "worst_imbalance": counters.worst_imbalance,
            "late_records": counters.late_edges,
            "late_samples": counters.late_samples,
            "samples_of_unknown_rails": counters.unknown_rail,
            "folded_segments": counters.folded_segments,
            "folded_phase_sets": self.phases.folded,
            "unmatched_closings": self.stacks.unmatched,
            "baseline_above_run": above,
            "from_totals": self.coarse,
        });
        if !self.batched.is_empty() {
            diagnostics["batched"] = self.batched.iter().map(Batched::json).collect();
        }
        let prices = self.prices.as_ref();
        // A live estimate without a rail that can be estimated is left out.
        let prices = prices.filter(|_| self.live.is_none() || self.is_estimating());
        let metadata = prices.map(|prices| &prices.metadata);
        if let Some(metadata) = metadata {
            let rails = self
                .live_diagnostics()
                .unwrap_or_else(|| metadata.rails.clone());
            if !rails.is_null() {
                diagnostics["rails"] = rails;
            }
        }
        AttributionRow {
            id: 1,
            method: metadata
                .map_or(super::METHOD, |metadata| &metadata.method)
                .to_owned(),
            version: metadata.map_or(super::VERSION, |metadata| metadata.version),
            params: metadata
                .map_or("{}", |metadata| &metadata.params)
                .to_owned(),
            offset_ms: metadata.and_then(|metadata| metadata.clock_offset_ms),
            diagnostics: diagnostics.to_string(),
        }
    }
}

fn basis(rail: &RailState) -> Basis {
    match rail.row.provenance {
        Provenance::Measured => Basis::Proportional,
        Provenance::Modelled => Basis::Modelled,
        Provenance::Replayed => Basis::Replayed,
    }
}

/// Returns the share of a time that samples cover; an empty time is covered.
fn coverage(covered_ns: i64, total_ns: i64) -> f64 {
    match total_ns {
        ..=0 => 1.0,
        total => (covered_ns as f64 / total as f64).clamp(0.0, 1.0),
    }
}

/// Energy of a rail in a phase: measured, and missing.
type Sum = (SetEnergy, Gaps);

fn phase_row(
    rail: u32,
    node: Option<u32>,
    duration_ns: i64,
    (sum, gaps): &Sum,
    spans_j: f64,
) -> PhaseEnergyRow {
    let covered = sum.covered_ns > 0.0;
    let covered_ns = (duration_ns - gaps.missing_ns.round() as i64).max(0);
    let extrapolated_j = gaps.known_j();
    let gap_j = extrapolated_j.map(|_| gaps.half_j());
    let ends = extrapolated_j.filter(|_| covered).map(|extrapolated_j| {
        let (edges, measured_j) = (&sum.edges, sum.energy_j);
        let half = gaps.half_j().hypot(edges.error.half());
        let whole_j = measured_j + extrapolated_j;
        let least_j = measured_j.min(whole_j) - edges.error.half();
        let lo_j = (whole_j - half).max(least_j) + edges.moved_j.min(0.0) - edges.unknown_j;
        (
            lo_j,
            whole_j + half + edges.moved_j.max(0.0) + edges.unknown_j,
        )
    });
    PhaseEnergyRow {
        node,
        rail,
        duration_ns,
        energy_j: covered.then_some(sum.energy_j),
        idle_j: (covered && !sum.idle_unknown).then_some(sum.idle_j),
        spans_j: covered.then_some(spans_j),
        peak_w: sum.peak_w,
        covered_ns,
        extrapolated_j,
        lo_j: ends.map(|(lo, _)| lo),
        hi_j: ends.map(|(_, hi)| hi),
        gap_j,
        edge_j: covered.then_some(sum.edges.moved_j),
    }
}
