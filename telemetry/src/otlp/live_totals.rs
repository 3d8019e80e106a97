//! Totals of a run that is being recorded, from the rows that replace each other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use energy_data::ProvenanceSet;
use energy_data::rows::{Accounts, BalanceRow, NodeEnergyRow, RailRow, RunRow, SampleRow};
use energy_data::sink::Batch;

use super::resource::service_tag;
use super::spans::SpanEncoder;
use crate::totals::{KindEnergy, KindTotals, RailTotals, RunTotals};

/// Latest rows of a run.
#[derive(Debug, Default)]
pub(super) struct LiveTotals {
    rails: BTreeMap<u32, RailRow>,
    samples: BTreeMap<u32, SampleRow>,
    balance: BTreeMap<u32, BalanceRow>,
    nodes: BTreeMap<(u32, u32), NodeEnergyRow>,
    attribution: Option<(u32, String)>,
}

impl LiveTotals {
    pub(super) fn add(&mut self, batch: &Batch) {
        self.rails
            .extend(batch.rails.iter().map(|row| (row.id, row.clone())));
        for row in &batch.samples {
            self.samples.insert(row.rail, *row);
        }
        let rows = &batch.attribution;
        if let Some(head) = &rows.head {
            self.attribution = Some((head.id, head.method.clone()));
        }
        for row in &rows.balance {
            self.balance.insert(row.rail, *row);
        }
        for row in &rows.node_energy {
            self.nodes.insert((row.node, row.rail), *row);
        }
    }

    /// Returns the provenances of root rails, joined by `+`.
    pub(super) fn provenance(&self) -> Option<String> {
        let roots = self.rails.values().filter(|rail| rail.parent.is_none());
        let set = ProvenanceSet::union(roots.map(|rail| rail.provenance));
        set.map(|set| set.to_string())
    }

    /// Returns number and method of the attribution.
    pub(super) fn attribution(&self) -> Option<&(u32, String)> {
        self.attribution.as_ref()
    }

    /// Returns the totals up to a time of the run. Rails and operations that are unknown are left
    /// out.
    pub(super) fn totals(&self, run: &RunRow, time_ns: i64, encoder: &SpanEncoder) -> RunTotals {
        let metadata = &run.metadata;
        RunTotals {
            uuid: run.uuid.clone(),
            name: metadata.name.clone(),
            service: service_tag(run).map(str::to_owned),
            model: metadata.model.clone(),
            precision: metadata.precision.clone(),
            host: run.host.clone(),
            chip: run.chip.clone(),
            status: run.status.name(),
            provenance: self.provenance(),
            start_unix_ns: run.start_unix_ns,
            end_unix_ns: run.start_unix_ns.saturating_add(time_ns),
            energy_j: None,
            input_tokens: metadata.input_tokens,
            output_tokens: metadata.output_tokens,
            rails: self.rails.values().map(|row| self.rail(row)).collect(),
            kinds: self.kinds(encoder),
        }
    }

    fn rail(&self, row: &RailRow) -> RailTotals {
        let balance = self.balance.get(&row.id);
        RailTotals {
            id: rail_id(row),
            name: row.name.clone(),
            kind: row.kind.name().to_owned(),
            parent: row.parent.and_then(|id| self.rails.get(&id)).map(rail_id),
            provenance: row.provenance.name().to_owned(),
            measured_j: balance.map(|balance| balance.accounts.measured_j),
            power_w: self.samples.get(&row.id).and_then(power_w),
            accounts: balance.map_or_else(Vec::new, |balance| accounts(&balance.accounts)),
        }
    }

    /// Returns the operations with their energies on root rails.
    fn kinds(&self, encoder: &SpanEncoder) -> Vec<KindTotals> {
        let mut kinds: HashMap<&Arc<str>, KindTotals> = HashMap::new();
        let mut counted = None;
        for (&(node, rail), row) in &self.nodes {
            let Some(name) = encoder.kind(node) else {
                continue;
            };
            let kind = kinds.entry(name).or_insert_with(|| KindTotals {
                kind: name.to_string(),
                role: encoder.role(node).map(|role| role.name()),
                ..KindTotals::default()
            });
            // Each rail has a row with the same time.
            if counted.replace(node) != Some(node) {
                kind.self_ns += row.self_ns;
                kind.activations += row.activations;
            }
            let rail = self.rails.get(&rail).filter(|rail| rail.parent.is_none());
            if let Some(rail) = rail {
                kind.add_energy(KindEnergy {
                    rail: rail_id(rail),
                    self_j: row.self_j,
                    basis: Some(row.basis.into()),
                });
            }
        }
        kinds.into_values().collect()
    }
}

fn rail_id(row: &RailRow) -> String {
    format!("{}/{}", row.source, row.name)
}

fn power_w(row: &SampleRow) -> Option<f64> {
    let length_ns = row.end_ns - row.start_ns;
    (length_ns > 0).then_some(row.energy_j? * 1e9 / length_ns as f64)
}

/// Returns the accounts in the order of the balance.
fn accounts(of: &Accounts) -> Vec<(&'static str, Option<f64>)> {
    vec![
        ("idle", of.idle_j),
        ("spans", Some(of.spans_j)),
        ("unattributed", of.unattributed_j),
        ("other processes", of.other_processes_j),
        ("profiler", of.profiler_j),
        ("residual", Some(of.residual_j)),
        ("unknown", of.unknown_j),
    ]
}
