//! Rows of kinds and of their groups: sums over nodes with the intervals of the estimate.

use std::collections::BTreeMap;

use energy_data::rows::AttributionRows;
use energy_data::rows::{KindEnergyRow, KindGroupRow};

use super::engine::Engine;
use super::prices::{Prices, RailPrices};

impl Engine {
    /// Adds rows of kinds and groups of every estimated rail.
    pub(super) fn kind_rows(&self, rows: &mut AttributionRows) {
        let Some(prices) = &self.prices else {
            return;
        };
        for (at, rail) in self.rails.iter().enumerate() {
            if let Some(estimate) = prices.rails.get(&rail.row.id) {
                let kinds = self.kinds(at, prices, estimate);
                rows.kind_groups.extend(groups(&kinds, estimate));
                rows.kind_energy.extend(kinds);
            }
        }
    }

    fn kinds(&self, at: usize, prices: &Prices, estimate: &RailPrices) -> Vec<KindEnergyRow> {
        let mut sums: BTreeMap<u32, (f64, i64, i64)> = BTreeMap::new();
        let (nodes, shown) = (&self.rails[at].ledger.nodes, self.shown(at).nodes);
        for (node, info) in self.nodes.iter().enumerate() {
            let kind = prices.kind(node as u32);
            if kind > 0 && info.known {
                let sum = sums.entry(kind).or_default();
                sum.0 += shown.get(node).copied().unwrap_or(0.0);
                let self_ns = self.stacks.nodes.get(node).map_or(0, |time| time.self_ns);
                sum.1 += self_ns;
                sum.2 += nodes
                    .get(node)
                    .map_or(0, |energy| energy.measured_ns.min(self_ns));
            }
        }
        let known = sums
            .into_iter()
            .filter_map(|(kind, (self_j, self_ns, covered_ns))| {
                let found = estimate.kinds.get(kind as usize).copied().flatten()?;
                let bounds = found.bounds(self_j);
                Some(KindEnergyRow {
                    rail: self.rails[at].row.id,
                    kind,
                    name: prices.names.get(kind as usize).cloned().unwrap_or_default(),
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
