//! Reads the energies of call paths, and sums them by operation.

use std::collections::BTreeMap;

use crate::cumulative::{KindKey, NodeFacts, TotalEntry};
use crate::error::Result;
use crate::nanojoules::nanojoules;
use crate::query::{Recording, Run};

/// Operation of call paths that have none: spans beyond the limits of a recorder.
const UNNAMED: &str = "(unknown)";

/// Energy of one call path on one rail.
pub(super) struct NodeEnergy {
    pub(super) node: i64,
    kind: String,
    role: Option<String>,
    pub(super) self_j: f64,
    idle_j: Option<f64>,
    self_ns: Option<i64>,
    covered_ns: Option<i64>,
    activations: Option<i64>,
    instances: Option<i64>,
    pub(super) basis: Option<String>,
}

impl NodeEnergy {
    /// Returns its totals with the rounded self energy.
    pub(super) fn values(&self, self_nj: i64) -> Vec<Option<i64>> {
        let idle_nj = self.idle_j.and_then(nanojoules);
        vec![
            Some(self_nj),
            idle_nj,
            self.self_ns,
            self.covered_ns,
            self.activations,
            self.instances,
        ]
    }

    fn key(&self, rail: &str) -> KindKey {
        KindKey {
            rail: rail.to_owned(),
            kind: self.kind.clone(),
            role: self.role.clone(),
        }
    }
}

/// Reads the energies of call paths by rail. An energy that is no number is NaN.
pub(super) fn node_energies(
    recording: &Recording,
    run: &Run,
) -> Result<BTreeMap<i64, Vec<NodeEnergy>>> {
    let sql = "
        SELECT e.rail, e.node, n.kind, c.role, e.self_j, e.idle_j, e.self_ns, e.covered_ns,
               e.activations, e.instances, e.basis
        FROM node_energy e
        LEFT JOIN nodes n ON n.run = e.run AND n.id = e.node
        LEFT JOIN callsites c ON c.run = n.run AND c.id = n.callsite
        WHERE e.run = ?1 AND e.attribution = ?2 ORDER BY e.node";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let mut rows = statement.query((run.no, run.attribution))?;
    let mut all: BTreeMap<i64, Vec<NodeEnergy>> = BTreeMap::new();
    while let Some(r) = rows.next()? {
        let kind: Option<String> = r.get(2)?;
        all.entry(r.get(0)?).or_default().push(NodeEnergy {
            node: r.get(1)?,
            kind: kind.unwrap_or_else(|| UNNAMED.to_owned()),
            role: r.get(3)?,
            self_j: r.get::<_, Option<f64>>(4)?.unwrap_or(f64::NAN),
            idle_j: r.get(5)?,
            self_ns: r.get(6)?,
            covered_ns: r.get(7)?,
            activations: r.get(8)?,
            instances: r.get(9)?,
            basis: r.get(10)?,
        });
    }
    Ok(all)
}

/// Sums the rounded energies of one rail by operation. A total that one call path lacks is unknown.
pub(super) fn kinds(rail: &str, nodes: &[NodeEnergy], self_nj: &[i64]) -> Vec<TotalEntry<KindKey>> {
    let mut sums: BTreeMap<KindKey, TotalEntry<KindKey>> = BTreeMap::new();
    for (node, self_nj) in nodes.iter().zip(self_nj) {
        let (key, values) = (node.key(rail), node.values(*self_nj));
        match sums.get_mut(&key) {
            Some(entry) => add(entry, &values, node.basis.as_deref()),
            None => {
                let entry = TotalEntry {
                    key: key.clone(),
                    values,
                    basis: node.basis.clone(),
                    interval: (None, None),
                };
                sums.insert(key, entry);
            }
        }
    }
    sums.into_values().collect()
}

fn add(entry: &mut TotalEntry<KindKey>, values: &[Option<i64>], basis: Option<&str>) {
    for (sum, value) in entry.values.iter_mut().zip(values) {
        *sum = sum
            .zip(*value)
            .and_then(|(sum, value)| sum.checked_add(value));
    }
    if entry.basis.as_deref() != basis {
        entry.basis = Some("mixed".to_owned());
    }
}

/// Lower and upper ends of intervals in nanojoules, by rail and operation.
pub(super) type KindIntervals = BTreeMap<(i64, String), (Option<i64>, Option<i64>)>;

/// Reads the intervals of operations, where the method estimates them: rail and name.
pub(super) fn intervals(recording: &Recording, run: &Run) -> Result<KindIntervals> {
    let sql = "SELECT rail, name, lo_j, hi_j FROM kind_energy WHERE run = ?1 AND attribution = ?2";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map((run.no, run.attribution), |r| {
        let (lo_j, hi_j): (Option<f64>, Option<f64>) = (r.get(2)?, r.get(3)?);
        let interval = (lo_j.and_then(nanojoules), hi_j.and_then(nanojoules));
        Ok(((r.get(0)?, r.get(1)?), interval))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Describes all call paths of a run.
pub(super) fn node_facts(recording: &Recording, run: &Run) -> Result<Vec<NodeFacts>> {
    let sql = "
        SELECT n.id, n.parent, n.label, n.kind, c.role, n.depth
        FROM nodes n LEFT JOIN callsites c ON c.run = n.run AND c.id = n.callsite
        WHERE n.run = ?1 ORDER BY n.id";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |r| {
        Ok(NodeFacts {
            node: r.get(0)?,
            parent: r.get(1)?,
            label: r.get(2)?,
            kind: r.get(3)?,
            role: r.get(4)?,
            depth: r.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Counts the entries of spans with the role `run`; `None` if there is no such span.
pub(super) fn requests(recording: &Recording, run: &Run) -> Result<Option<i64>> {
    let sql = "
        SELECT sum(entries) FROM (
            SELECT max(e.activations) AS entries
            FROM node_energy e
            JOIN nodes n ON n.run = e.run AND n.id = e.node
            JOIN callsites c ON c.run = n.run AND c.id = n.callsite AND c.role = 'run'
            WHERE e.run = ?1 AND e.attribution = ?2 GROUP BY e.node)";
    let mut statement = recording.connection().prepare_cached(sql)?;
    Ok(statement.query_row((run.no, run.attribution), |r| r.get(0))?)
}
