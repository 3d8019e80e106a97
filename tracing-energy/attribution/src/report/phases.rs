//! Rows of phases: energy by set of open phases, shared among the members of each set.

use energy_data::rows::{PhaseEnergyRow, Role};

use crate::ledger::coverage::{Gaps, gaps};
use crate::ledger::entries::Ledger;
use crate::ledger::set_energy::SetEnergy;
use crate::ledger::shown::ShownTotals;
use crate::spans::phases::{RUN, phases};
use crate::spans::record::SpanRecord;
use crate::windows::inputs::RunInputs;

/// Adds rows of all phases until `now`.
pub(crate) fn phase_rows(
    rows: &mut Vec<PhaseEnergyRow>,
    ledger: &Ledger,
    inputs: &RunInputs,
    now: i64,
) {
    let spans = &inputs.spans;
    let (from, to) = ledger.extent(inputs, now);
    let durations = durations(spans, now, to - from);
    for (account, rail) in ledger.rails.iter().zip(&inputs.rails) {
        let shown = ShownTotals::of(account, rail);
        let spans_j = spans_by_phase(spans, &shown.nodes);
        let energies = &account.phases.energies;
        let gaps = gaps(account, rail, &spans.phases, (now, to - from));
        let mut sums = vec![PhaseSum::default(); durations.len()];
        for set in 0..energies.len().max(gaps.len()) {
            share(spans, spans.phases.members(set as u32), |member, share| {
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
            let spans_j = spans_j.get(member).copied().unwrap_or(0.0);
            if node.is_none() || duration_ns > 0 {
                let mut row = phase_row(rail.row.id, node, duration_ns, sum, spans_j);
                row.idle_j = row.idle_j.filter(|_| !shown.is_idle_refuted);
                rows.push(row);
            }
        }
    }
}

/// Calls `add` with each member of a set and its share; member 0 is `(between)`. A set
/// outside the scope has no shares.
fn share(spans: &SpanRecord, members: &[u32], mut add: impl FnMut(u32, f64)) {
    if spans.run_from < i64::MAX && members.first() != Some(&RUN) {
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

/// Returns the duration of each phase until `now`, in an attributed time of `length_ns`.
/// `(between)` at index 0 absorbs rounding differences.
fn durations(spans: &SpanRecord, now: i64, length_ns: i64) -> Vec<i64> {
    let mut shares = vec![0.0; spans.nodes.len().max(1)];
    let (mut scope, mut outside) = (0, length_ns);
    for (set, ns) in spans.phases.times(now).into_iter().enumerate() {
        outside -= ns;
        let mut inside = false;
        share(spans, spans.phases.members(set as u32), |member, share| {
            inside = true;
            shares[member as usize] += ns as f64 * share;
        });
        scope += if inside { ns } else { 0 };
    }
    if spans.run_from == i64::MAX {
        scope += outside.max(0);
    }
    let mut rounded: Vec<i64> = shares.iter().map(|ns| ns.round() as i64).collect();
    rounded[0] = (scope - rounded[1..].iter().sum::<i64>()).max(0);
    rounded
}

/// Returns self energies summed by the nearest phase among ancestors; index 0 is no phase.
fn spans_by_phase(spans: &SpanRecord, energies: &[f64]) -> Vec<f64> {
    let count = spans.nodes.len().max(1);
    let (mut phase_of, mut in_run) = (vec![0; count], vec![false; count]);
    let mut sums = vec![0.0; count];
    for node in 1..count {
        let info = spans.nodes[node];
        let above = info.parent.map_or(0, |parent| parent as usize);
        let is_phase = info.role == Some(Role::Phase);
        phase_of[node] = if is_phase { node } else { phase_of[above] };
        in_run[node] = in_run[above] || info.role == Some(Role::Run);
        let counts = phase_of[node] > 0 || in_run[node] || spans.run_from == i64::MAX;
        if let Some(energy) = energies.get(node).filter(|_| counts) {
            sums[phase_of[node]] += energy;
        }
    }
    sums
}

/// Energy of a rail in a phase: measured, and missing.
type PhaseSum = (SetEnergy, Gaps);

fn phase_row(
    rail: u32,
    node: Option<u32>,
    duration_ns: i64,
    (sum, gaps): &PhaseSum,
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
