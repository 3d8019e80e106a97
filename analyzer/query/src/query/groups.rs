//! Inclusive ledger energies of layers, components and root spans, summed over all places
//! where they occur. As sums over several kinds they have no interval.

use std::collections::{BTreeMap, HashMap};

use energy_data::BasisSet;
use serde::Serialize;

use super::{Node, NodeLedger, average_w, coverage};

/// All nodes of one layer, component or kind of root span.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeGroup {
    /// `layer 3`, `attention`.
    pub name: String,
    /// Ledger energy in the sampled part of its time, idle share included.
    pub energy_j: f64,
    /// Estimate for its time without samples, not part of `energy_j`.
    pub extrapolated_j: f64,
    /// Share of its busy time covered by samples; `None` without busy time.
    pub coverage: Option<f64>,
    /// Share of the energy of all nodes; `None` for root spans.
    pub share: Option<f64>,
    /// Number of its topmost spans; `None` if only totals were kept.
    pub instances: Option<i64>,
    /// Energy per instance.
    pub j_per_instance: Option<f64>,
    /// Activations of its topmost spans.
    pub activations: i64,
    /// Energy per activation, including extrapolated energy.
    pub j_per_activation: Option<f64>,
    /// Busy time, summed over threads.
    pub busy_ns: i64,
    /// Energy over busy time, including extrapolated energy.
    pub avg_w: Option<f64>,
    /// Bases of its nodes' energies, joined by `+`.
    pub basis: Option<BasisSet>,
    #[serde(skip)]
    covered_ns: i64,
}

/// Returns layers by label, in the order of the model.
pub fn layers(ledger: &NodeLedger) -> Vec<NodeGroup> {
    group(ledger, |node| node.layer, |top| top.label.clone())
}

/// Returns components by span name, highest energy first.
pub fn components(ledger: &NodeLedger) -> Vec<NodeGroup> {
    let name = |top: &Node| top.name.clone().unwrap_or_else(|| top.label.clone());
    let mut groups = group(ledger, |node| node.component, name);
    groups.sort_by(|a, b| b.energy_j.total_cmp(&a.energy_j));
    groups
}

/// Returns root spans by span name, highest energy first. They may overlap in time, so
/// they have no shares.
pub fn roots(ledger: &NodeLedger) -> Vec<NodeGroup> {
    let mut root_of: HashMap<i64, i64> = HashMap::with_capacity(ledger.nodes.len());
    for node in &ledger.nodes {
        let above = node.parent.and_then(|id| root_of.get(&id)).copied();
        root_of.insert(node.id, above.unwrap_or(node.id));
    }
    let name = |top: &Node| top.name.clone().unwrap_or_else(|| top.label.clone());
    let mut roots = group(ledger, |node| root_of.get(&node.id).copied(), name);
    roots.retain(|root| root.activations > 0 || root.energy_j != 0.0);
    roots.iter_mut().for_each(|root| root.share = None);
    roots.sort_by(|a, b| b.energy_j.total_cmp(&a.energy_j));
    roots
}

/// Groups nodes by the name of the topmost node that `top` returns, in the order of the
/// groups' first nodes.
fn group(
    ledger: &NodeLedger,
    top: impl Fn(&Node) -> Option<i64>,
    name: impl Fn(&Node) -> String,
) -> Vec<NodeGroup> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<NodeGroup> = Vec::new();
    for node in &ledger.nodes {
        let Some(head) = top(node).and_then(|id| ledger.node(id)) else {
            continue;
        };
        let name = name(head);
        let at = *places.entry(name.clone()).or_insert_with(|| {
            groups.push(NodeGroup::new(name));
            groups.len() - 1
        });
        groups[at].add(node, head.id == node.id);
    }
    let total = ledger.energy_j();
    groups.iter_mut().for_each(|group| group.finish(total));
    groups
}

impl NodeGroup {
    /// Returns the ledger energy including extrapolated energy.
    pub fn whole_j(&self) -> f64 {
        self.energy_j + self.extrapolated_j
    }

    fn new(name: String) -> Self {
        Self {
            name,
            energy_j: 0.0,
            extrapolated_j: 0.0,
            coverage: None,
            covered_ns: 0,
            share: None,
            instances: Some(0),
            j_per_instance: None,
            activations: 0,
            j_per_activation: None,
            busy_ns: 0,
            avg_w: None,
            basis: None,
        }
    }

    fn add(&mut self, node: &Node, is_head: bool) {
        self.energy_j += node.energy_j();
        self.extrapolated_j += node.whole_j() - node.energy_j();
        self.covered_ns += node.covered_ns;
        self.busy_ns += node.self_ns;
        self.basis = BasisSet::union(self.basis.into_iter().chain(node.basis));
        if is_head {
            self.instances = self.instances.zip(node.instances).map(|(a, b)| a + b);
            self.activations += node.activations;
        }
    }

    fn finish(&mut self, total: f64) {
        self.share = super::phases::share(Some(self.energy_j), Some(total));
        let whole_j = self.whole_j();
        let per = |count: i64| (count > 0).then(|| whole_j / count as f64);
        self.j_per_instance = self.instances.and_then(per);
        self.j_per_activation = per(self.activations);
        self.avg_w = average_w(Some(whole_j), Some(self.busy_ns));
        self.coverage = coverage(self.covered_ns, self.busy_ns);
    }
}
