//! Rows of kinds and of their groups: sums over nodes with the intervals of the estimate.

use std::collections::BTreeMap;

use energy_data::rows::AttributionRows;
use energy_data::rows::{KindEnergyRow, KindGroupRow};

use crate::ledger::entries::Ledger;
use crate::ledger::rail_account::RailAccount;
use crate::ledger::shown::ShownTotals;
use crate::prices::{RailEstimates, RailPrices};
use crate::windows::inputs::RunInputs;
use crate::windows::rail::RailInfo;

/// Adds rows of kinds and groups of every estimated rail.
pub(crate) fn kind_rows(
    rows: &mut AttributionRows,
    ledger: &Ledger,
    inputs: &RunInputs,
    estimates: &RailEstimates,
) {
    for (account, rail) in ledger.rails.iter().zip(&inputs.rails) {
        if let Some(estimate) = estimates.get(&rail.row.id) {
            let kinds = kinds((account, rail), inputs, estimate);
            rows.kind_groups.extend(groups(&kinds, estimate));
            rows.kind_energy.extend(kinds);
        }
    }
}

fn kinds(
    (account, rail): (&RailAccount, &RailInfo),
    inputs: &RunInputs,
    estimate: &RailPrices,
) -> Vec<KindEnergyRow> {
    let mut sums: BTreeMap<u32, (f64, i64, i64)> = BTreeMap::new();
    let (nodes, shown) = (&account.sums.nodes, ShownTotals::of(account, rail).nodes);
    let times = &inputs.spans.stacks.nodes;
    for (node, info) in inputs.spans.nodes.iter().enumerate() {
        let kind = inputs.kinds.of(node as u32);
        if kind > 0 && info.known {
            let sum = sums.entry(kind).or_default();
            sum.0 += shown.get(node).copied().unwrap_or(0.0);
            let self_ns = times.get(node).map_or(0, |time| time.self_ns);
            sum.1 += self_ns;
            sum.2 += nodes
                .get(node)
                .map_or(0, |energy| energy.measured_ns.min(self_ns));
        }
    }
    let known = sums
        .into_iter()
        .filter_map(|(kind, (self_j, self_ns, covered_ns))| {
            let found = estimate.kind(kind)?;
            let bounds = found.bounds(self_j);
            Some(KindEnergyRow {
                rail: rail.row.id,
                kind,
                name: inputs.kinds.name(kind).unwrap_or_default().to_owned(),
                self_j,
                lo_j: bounds.map(|(lo, _)| lo),
                hi_j: bounds.map(|(_, hi)| hi),
                extrapolated_j: found.extrapolated_j,
                self_ns,
                covered_ns: Some(covered_ns),
                power_w: found.power_w,
                basis: found.basis,
                grouping: found.grouping,
            })
        });
    known.collect()
}

fn groups(kinds: &[KindEnergyRow], estimate: &RailPrices) -> Vec<KindGroupRow> {
    let mut sums: BTreeMap<u32, f64> = BTreeMap::new();
    for kind in kinds {
        if let Some(group) = kind.grouping {
            *sums.entry(group).or_default() += kind.self_j;
        }
    }
    let rail = kinds.first().map_or(0, |kind| kind.rail);
    let rows = sums.into_iter().map(|(grouping, self_j)| {
        let interval = estimate
            .groups
            .get(grouping as usize - 1)
            .copied()
            .flatten();
        KindGroupRow {
            rail,
            grouping,
            self_j,
            lo_j: interval.map(|(lo, _)| self_j * lo),
            hi_j: interval.map(|(_, hi)| self_j * hi),
        }
    });
    rows.collect()
}
