//! Ledger energies of the nodes of the calling-context tree: self energy plus the share of
//! idle energy.
//!
//! Read in one scan of `node_energy`, which has a row for each node and rail, regardless
//! of the number of spans.

use std::collections::{HashMap, HashSet};

use energy_data::BasisSet;
use rusqlite::Row;

use super::interval::over_rails;
use super::{Recording, Run, Spread, coverage, set_at};
use crate::error::{Error, Result};
use crate::format::{escape, shorten};

/// Number of phases that an error lists, and of characters of each name.
const PHASES: usize = 20;
const NAME_CHARS: usize = 40;

/// A node of the calling-context tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Id.
    pub id: i64,
    /// Id of its parent.
    pub parent: Option<i64>,
    /// Span name with the values of its key fields.
    pub label: String,
    /// Span name; `None` for `(other)` and `(unknown)`.
    pub name: Option<String>,
    /// Role of the span.
    pub role: Option<String>,
    /// Topmost node of role layer on its path, itself included.
    pub layer: Option<i64>,
    /// Topmost node of role component on its path, itself included.
    pub component: Option<i64>,
    /// Active self energy, summed over rails; 0 without a row.
    pub self_j: f64,
    /// 90 % interval of `self_j`.
    pub spread: Spread,
    /// Basis of `self_j`: `fitted`, `proportional`, ..., joined by `+` if rails differ;
    /// `None` without energy.
    pub basis: Option<BasisSet>,
    /// Share of the idle energy of rails with a known baseline; `None` if there is none.
    pub idle_j: Option<f64>,
    /// Active self energy estimated for its time without samples, not part of `self_j`.
    pub extrapolated_j: f64,
    /// Idle energy of that time, if known.
    pub extrapolated_idle_j: f64,
    /// Self time, summed over threads.
    pub self_ns: i64,
    /// Self time covered by samples of every rail; all of it if unknown.
    pub covered_ns: i64,
    /// Activations: number of entries into its spans, including polls of futures.
    pub activations: i64,
    /// Number of spans; `None` if only totals were kept.
    pub instances: Option<i64>,
}

impl Node {
    /// Returns the ledger energy including extrapolated energy. Averages over time and
    /// activations use this.
    pub fn whole_j(&self) -> f64 {
        self.energy_j() + self.extrapolated_j + self.extrapolated_idle_j
    }

    /// Returns the share of its self time covered by samples; `None` without self time.
    pub fn coverage(&self) -> Option<f64> {
        coverage(self.covered_ns, self.self_ns)
    }

    /// Returns the ledger energy: self energy plus idle share. Without a baseline, self
    /// energy includes idle energy.
    pub fn energy_j(&self) -> f64 {
        self.self_j + self.idle_j.unwrap_or(0.0)
    }

    /// Returns the 90 % interval of the ledger energy. Its idle share is treated as exact
    /// because baselines are measured.
    pub fn interval_j(&self) -> (Option<f64>, Option<f64>) {
        self.spread.around(self.energy_j())
    }

    /// Sums its energies over rails. Times and counts are the same on all rails.
    fn sum(&mut self, rails: &[NodeOnRail]) {
        let spreads: Vec<_> = rails.iter().map(|on| (on.self_j, on.spread)).collect();
        let holding = rails.iter().filter(|on| on.self_j != 0.0);
        self.spread = over_rails(&spreads);
        self.basis = BasisSet::union(holding.map(|on| on.basis));
        // A rail without a known idle power does not make the others' unknown.
        let known: Vec<f64> = rails.iter().filter_map(|on| on.idle_j).collect();
        let is_known = !known.is_empty() || rails.is_empty();
        self.idle_j = is_known.then(|| known.into_iter().sum::<f64>() + 0.0);
        let covered = rails.iter().map(NodeOnRail::covered_ns).min();
        self.covered_ns = covered.unwrap_or(0);
        for on in rails {
            self.extrapolated_j += on.self_j * on.missing();
            self.extrapolated_idle_j += on.idle_j.unwrap_or(0.0) * on.missing();
            self.self_j += on.self_j;
            self.self_ns = self.self_ns.max(on.self_ns);
            self.activations = self.activations.max(on.activations);
            self.instances = self.instances.max(on.instances);
        }
        // Activations without instances: only totals were kept.
        self.instances = self
            .instances
            .filter(|count| *count > 0 || self.activations == 0);
    }
}

/// Energies and times of one node on one rail.
#[derive(Debug, Clone)]
struct NodeOnRail {
    self_j: f64,
    spread: Spread,
    idle_j: Option<f64>,
    self_ns: i64,
    covered_ns: Option<i64>,
    activations: i64,
    instances: Option<i64>,
    basis: BasisSet,
}

impl NodeOnRail {
    fn covered_ns(&self) -> i64 {
        self.covered_ns.unwrap_or(self.self_ns).min(self.self_ns)
    }

    /// Returns the ratio of uncovered to covered time.
    fn missing(&self) -> f64 {
        match self.covered_ns() {
            0 => 0.0,
            covered => (self.self_ns - covered) as f64 / covered as f64,
        }
    }
}

/// All nodes of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeLedger {
    /// Nodes by id, parents first.
    pub nodes: Vec<Node>,
    /// Whether idle energy, and thus active energy, is known on some rail.
    pub has_idle: bool,
    by_id: HashMap<i64, usize>,
}

impl NodeLedger {
    /// Returns the node with that id.
    pub fn node(&self, id: i64) -> Option<&Node> {
        self.by_id.get(&id).map(|at| &self.nodes[*at])
    }

    /// Returns the labels from the root down to a node.
    pub fn path<'l>(&'l self, node: &'l Node) -> Vec<&'l str> {
        let nodes = self.down_to(node);
        nodes.iter().map(|node| node.label.as_str()).collect()
    }

    /// Returns the nodes from the root down to that one.
    pub fn down_to<'l>(&'l self, node: &'l Node) -> Vec<&'l Node> {
        let above = |node: &&Node| node.parent.and_then(|id| self.node(id));
        // A damaged file may contain a cycle.
        let up = std::iter::successors(Some(node), above).take(self.nodes.len() + 1);
        let mut nodes: Vec<&Node> = up.collect();
        nodes.reverse();
        nodes
    }

    /// Returns the bases of nodes with energy, joined by `+`.
    pub fn basis(&self) -> Option<BasisSet> {
        BasisSet::union(self.nodes.iter().filter_map(|node| node.basis))
    }

    /// Returns whether any node's energy has an interval.
    pub fn has_intervals(&self) -> bool {
        let known = |node: &Node| node.spread.below_j.or(node.spread.above_j).is_some();
        self.nodes.iter().any(known)
    }

    /// Returns the ledger energy of all nodes.
    pub fn energy_j(&self) -> f64 {
        self.nodes.iter().map(Node::energy_j).sum()
    }

    /// Restricts the ledger to phases of that name. Paths start there.
    ///
    /// # Errors
    /// If there is no such phase; the message lists the phases.
    pub fn within(mut self, phase: Option<&str>) -> Result<Self> {
        let Some(name) = phase else {
            return Ok(self);
        };
        let mut kept: HashSet<i64> = self.phases_named(name)?.into_iter().collect();
        // Parents come first.
        self.retain(|node| {
            let is_in =
                kept.contains(&node.id) || node.parent.is_some_and(|parent| kept.contains(&parent));
            if is_in {
                kept.insert(node.id);
            }
            is_in
        });
        Ok(self)
    }

    /// Only keeps the nodes for which `keep` returns `true`.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Node) -> bool) {
        self.nodes.retain(keep);
        let places = self.nodes.iter().enumerate();
        self.by_id = places.map(|(at, node)| (node.id, at)).collect();
    }

    /// Returns the nodes of role phase, in order of creation.
    pub fn phases(&self) -> Vec<&Node> {
        let by_role = |node: &&Node| node.role.as_deref() == Some("phase");
        self.nodes.iter().filter(by_role).collect()
    }

    /// Returns the top level of the ledger: its phases, or its roots if it has none. Roots
    /// may overlap in time, so only their ledger energies add up to the total.
    pub fn heads(&self) -> Vec<&Node> {
        let phases = self.phases();
        match phases.is_empty() {
            false => phases,
            true => self.nodes.iter().filter(|n| n.parent.is_none()).collect(),
        }
    }

    fn phases_named(&self, name: &str) -> Result<Vec<i64>> {
        let phases = self.phases();
        let is_it = |node: &&&Node| node.label == name || node.name.as_deref() == Some(name);
        let found: Vec<i64> = phases.iter().filter(is_it).map(|node| node.id).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        if phases.is_empty() {
            let name = shorten(&escape(name), NAME_CHARS);
            return Err(Error::NoPhases { name });
        }
        let mut known: Vec<String> = Vec::new();
        for phase in phases {
            let label = shorten(&escape(&phase.label), NAME_CHARS);
            if known.len() < PHASES && !known.contains(&label) {
                known.push(label);
            }
        }
        Err(Error::Unknown {
            what: "phase",
            name: shorten(&escape(name), NAME_CHARS),
            known: known.join(", "),
        })
    }

    /// Sums the rails of the last node after all of them were read.
    fn close(&mut self, rails: &mut Vec<NodeOnRail>) {
        let Some(node) = self.nodes.last_mut() else {
            return;
        };
        node.sum(rails);
        self.has_idle &= node.idle_j.is_some();
        rails.clear();
        self.by_id.insert(node.id, self.nodes.len() - 1);
    }

    /// Returns the `limit` nodes with the highest ledger energy.
    pub fn hottest(&self, limit: usize) -> Vec<&Node> {
        let mut nodes: Vec<&Node> = self.nodes.iter().filter(|n| n.energy_j() > 0.0).collect();
        nodes.sort_by(|a, b| b.energy_j().total_cmp(&a.energy_j()).then(a.id.cmp(&b.id)));
        nodes.truncate(limit);
        nodes
    }
}

/// Reads the nodes of a run, on root rails or on the named rail.
///
/// # Errors
/// If the file cannot be read, or the run has no rail of that name.
pub fn ledger(recording: &Recording, run: &Run, rail: Option<&str>) -> Result<NodeLedger> {
    ledger_of(recording, run, &rails(recording, run, rail)?)
}

/// Reads the nodes of a run on the rails with these ids.
pub fn ledger_of(recording: &Recording, run: &Run, rails: &[i64]) -> Result<NodeLedger> {
    let list: Vec<String> = rails.iter().map(i64::to_string).collect();
    let sql = format!(
        "SELECT n.id, n.parent, n.label, c.name, c.role, n.layer, n.component,
                e.node, e.self_j, e.lo_j, e.hi_j, e.idle_j, e.self_ns, e.activations,
                e.instances, e.basis, e.covered_ns
         FROM nodes n
         LEFT JOIN callsites c ON c.run = n.run AND c.id = n.callsite
         LEFT JOIN node_energy e ON e.run = n.run AND e.node = n.id
              AND e.attribution = ?2 AND e.rail IN ({})
         WHERE n.run = ?1 ORDER BY n.id, e.rail",
        list.join(",")
    );
    let mut statement = recording.connection().prepare(&sql)?;
    let mut rows = statement.query((run.no, run.attribution))?;
    let mut ledger = NodeLedger {
        has_idle: true,
        ..NodeLedger::default()
    };
    let mut on_rails = Vec::new();
    while let Some(r) = rows.next()? {
        let id: i64 = r.get(0)?;
        if ledger.nodes.last().is_none_or(|last| last.id != id) {
            ledger.close(&mut on_rails);
            ledger.nodes.push(node(r)?);
        }
        on_rails.extend(on_rail(r)?);
    }
    ledger.close(&mut on_rails);
    Ok(ledger)
}

/// Returns the ids of the root rails, or of the rail with that name or `source/name`.
pub fn rails(recording: &Recording, run: &Run, name: Option<&str>) -> Result<Vec<i64>> {
    let sql = "SELECT id, name, source, parent IS NULL FROM rails WHERE run = ?1 ORDER BY id";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let rows = statement.query_map([run.no], |r| {
        Ok((
            r.get::<_, i64>(0)?,
            r.get::<_, String>(1)?,
            r.get::<_, String>(2)?,
            r.get::<_, bool>(3)?,
        ))
    })?;
    let rails = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let Some(wanted) = name else {
        return Ok(rails
            .into_iter()
            .filter(|rail| rail.3)
            .map(|rail| rail.0)
            .collect());
    };
    let is_it = |rail: &&(i64, String, String, bool)| {
        rail.1 == wanted || format!("{}/{}", rail.2, rail.1) == wanted
    };
    let found: Vec<i64> = rails.iter().filter(is_it).map(|rail| rail.0).collect();
    if found.len() == 1 {
        return Ok(found);
    }
    let known: Vec<String> = rails
        .iter()
        .map(|rail| format!("{}/{}", rail.2, rail.1))
        .collect();
    Err(Error::Unknown {
        what: "rail",
        name: wanted.to_owned(),
        known: known.join(", "),
    })
}

/// Reads a node without energies.
fn node(r: &Row<'_>) -> rusqlite::Result<Node> {
    Ok(Node {
        id: r.get(0)?,
        parent: r.get(1)?,
        label: r.get(2)?,
        name: r.get(3)?,
        role: r.get(4)?,
        layer: r.get(5)?,
        component: r.get(6)?,
        self_j: 0.0,
        spread: Spread::default(),
        basis: None,
        idle_j: Some(0.0),
        extrapolated_j: 0.0,
        extrapolated_idle_j: 0.0,
        self_ns: 0,
        covered_ns: 0,
        activations: 0,
        instances: Some(0),
    })
}

fn on_rail(r: &Row<'_>) -> rusqlite::Result<Option<NodeOnRail>> {
    if r.get::<_, Option<i64>>(7)?.is_none() {
        return Ok(None);
    }
    let self_j = r.get(8)?;
    Ok(Some(NodeOnRail {
        self_j,
        spread: Spread::of(self_j, r.get(9)?, r.get(10)?),
        idle_j: r.get(11)?,
        self_ns: r.get(12)?,
        activations: r.get(13)?,
        instances: r.get(14)?,
        basis: set_at(r, 15)?,
        covered_ns: r.get(16)?,
    }))
}
