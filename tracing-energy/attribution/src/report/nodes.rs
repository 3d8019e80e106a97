//! Rows of nodes on one rail.

use energy_data::Provenance;
use energy_data::rows::{Basis, NodeEnergyRow};

use crate::ledger::rail_account::RailAccount;
use crate::ledger::shown::ShownTotals;
use crate::prices::{KindEstimate, RailPrices};
use crate::spans::record::NodeInfo;
use crate::windows::inputs::RunInputs;
use crate::windows::rail::RailInfo;

/// Adds rows of nodes that changed, or of all known nodes.
pub(crate) fn node_rows(
    rows: &mut Vec<NodeEnergyRow>,
    (account, rail): (&mut RailAccount, &RailInfo),
    inputs: &RunInputs,
    estimate: Option<&RailPrices>,
    (shown, all): (&ShownTotals, bool),
) {
    let spans = &inputs.spans;
    let inclusive = inclusive(&shown.nodes, &spans.nodes);
    let is_known = !shown.is_idle_refuted && !spans.has_totals;
    let idle_w = account.idle_w(rail).filter(|_| is_known);
    let basis = basis(rail);
    let nodes = &mut account.sums.nodes;
    nodes.resize(inclusive.len(), Default::default());
    let shown_j = |node: usize| shown.nodes.get(node).copied().unwrap_or(0.0);
    let mut is_reported = vec![false; inclusive.len()];
    for node in (1..inclusive.len()).rev() {
        let time = spans.stacks.nodes.get(node).copied().unwrap_or_default();
        let now = (shown_j(node), time.self_ns, time.activations);
        let before = nodes[node].reported.replace(now);
        let is_new = before.unwrap_or_default() != now;
        let changed = is_new || is_reported[node];
        is_reported[node] = changed || (all && spans.nodes[node].known);
        if let Some(parent) = spans.nodes[node].parent.filter(|_| changed) {
            is_reported[parent as usize] = true;
        }
    }
    for node in (1..inclusive.len()).filter(|&node| is_reported[node]) {
        let energy = nodes[node];
        let self_j = shown_j(node);
        let time = spans.stacks.nodes.get(node).copied().unwrap_or_default();
        let seconds = energy.measured_ns as f64 / 1e9;
        let covered_ns = energy.measured_ns.min(time.self_ns);
        let sampled = coverage(covered_ns, time.self_ns);
        let kind = inputs.kinds.of(node as u32);
        let estimate: Option<&KindEstimate> = estimate.and_then(|rail| rail.kind(kind));
        let bounds = estimate.and_then(|estimate| estimate.bounds(self_j));
        rows.push(NodeEnergyRow {
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
            instances: spans.nodes[node].instances,
            min_w: energy.min_w.map(|power| power.max(0.0)),
            avg_w: (seconds > 0.0).then(|| self_j / seconds),
            peak_w: energy.peak_w.map(|power| power.max(0.0)),
            basis: estimate.map_or(basis, |estimate| estimate.basis),
        });
    }
}

/// Returns the energy of each node with its descendants; parents have lower ids.
fn inclusive(own: &[f64], nodes: &[NodeInfo]) -> Vec<f64> {
    let mut sums = own.to_vec();
    sums.resize(nodes.len(), 0.0);
    for node in (1..sums.len()).rev() {
        if let Some(parent) = nodes[node].parent {
            sums[parent as usize] += sums[node];
        }
    }
    sums
}

fn basis(rail: &RailInfo) -> Basis {
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
