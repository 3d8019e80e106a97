//! Totals of a run that is being recorded, from the rows that replace each other.

use std::collections::BTreeMap;

use energy_data::ProvenanceSet;
use energy_data::rows::{BalanceRow, NodeEnergyRow, RailRow, RunRow, SampleRow};
use energy_data::sink::Batch;

use super::resource::service_tag;
use super::spans::SpanEncoder;
use crate::totals::{KindTotals, NodeTotals, RailTotals, RunTotals, power_valid_ns, sum_kinds};

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

    /// Returns the totals at a time of the run. Rails and operations that are unknown are left out.
    pub(super) fn totals(&self, run: &RunRow, time_ns: i64, encoder: &SpanEncoder) -> RunTotals {
        let metadata = &run.metadata;
        let unix_ns = |time_ns| run.start_unix_ns.saturating_add(time_ns);
        let rails = self.rails.values();
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
            end_unix_ns: unix_ns(self.end_ns().unwrap_or(time_ns)),
            power_unix_ns: unix_ns(time_ns),
            energy_j: None,
            input_tokens: metadata.input_tokens,
            output_tokens: metadata.output_tokens,
            rails: rails.map(|row| self.rail(row, time_ns)).collect(),
            kinds: self.kinds(encoder),
        }
    }

    fn rail(&self, row: &RailRow, time_ns: i64) -> RailTotals {
        let accounts = self.balance.get(&row.id).map(|balance| &balance.accounts);
        RailTotals {
            id: rail_id(row),
            name: row.name.clone(),
            kind: row.kind.name().to_owned(),
            is_root: row.parent.is_none(),
            provenance: row.provenance.name().to_owned(),
            measured_j: accounts.map(|accounts| accounts.measured_j),
            power_w: self.power_w(row, time_ns),
            accounts: accounts.map_or_else(Vec::new, |accounts| accounts.named().to_vec()),
        }
    }

    /// Returns the mean power of the latest sample of a rail; `None` if the sensor has stopped.
    fn power_w(&self, rail: &RailRow, time_ns: i64) -> Option<f64> {
        let sample = self.samples.get(&rail.id)?;
        let is_old = time_ns.saturating_sub(sample.end_ns) > power_valid_ns(rail.interval_ns);
        let length_ns = sample.end_ns - sample.start_ns;
        let power_w = sample.energy_j? * 1e9 / length_ns as f64;
        (!is_old && length_ns > 0).then_some(power_w)
    }

    /// Returns the end of the time that the accounts of root rails cover: they are older than the
    /// latest rows.
    fn end_ns(&self) -> Option<i64> {
        let is_root = |id: &u32| self.rails.get(id).is_some_and(|rail| rail.parent.is_none());
        let roots = self.balance.iter().filter(|(id, _)| is_root(id));
        roots.filter_map(|(_, row)| row.duration_ns).max()
    }

    /// Returns the operations with their energies on root rails.
    fn kinds(&self, encoder: &SpanEncoder) -> Vec<KindTotals> {
        let rows = self.nodes.iter().map(|(&(node, rail), row)| {
            let rail = self.rails.get(&rail).filter(|rail| rail.parent.is_none());
            NodeTotals {
                node,
                root_rail: rail.map(rail_id),
                self_j: row.self_j,
                self_ns: row.self_ns,
                activations: row.activations,
                basis: Some(row.basis.into()),
            }
        });
        sum_kinds(rows, |node| {
            Some((&**encoder.kind(node)?, encoder.role(node)))
        })
    }
}

fn rail_id(row: &RailRow) -> String {
    format!("{}/{}", row.source, row.name)
}
