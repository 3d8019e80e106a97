//! Charts: the calling-context tree as treemap and as flamegraph. Small nodes are merged into
//! one node of their parent, with their number, so that no energy is missing.

use std::collections::HashMap;

use serde::Serialize;

use super::name::NameTable;
use super::part::NodePlaces;
use crate::query::NodeLedger;

/// Maximum number of nodes that are drawn separately; each may have an additional child that
/// merges small nodes.
const NODES: usize = 2000;
/// Maximum number of levels; deeper nodes are merged.
const LEVELS: usize = 96;
/// Initial share of all energy below which a node is merged.
const INITIAL_MIN_SHARE: f64 = 2e-5;

/// The tree, parents first, as columns of equal length (compact in JSON).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TreeChart {
    /// Names, by index.
    pub names: Vec<String>,
    /// Index of the parent in this tree; -1 for roots.
    pub parent: Vec<i64>,
    /// Index of the name.
    pub name: Vec<usize>,
    /// Index of the name of its part.
    pub part: Vec<usize>,
    /// Index of the name of its phase.
    pub phase: Vec<usize>,
    /// Ledger self energy, including that of merged nodes.
    pub self_j: Vec<f64>,
    /// Lower end of the 90 % interval of its self energy.
    pub lo: Vec<Option<f64>>,
    /// Upper end.
    pub hi: Vec<Option<f64>>,
    /// Number of spans; 0 for merged nodes, and if only totals were recorded.
    pub counts: Vec<i64>,
    /// Number of nodes that it merges.
    pub merged: Vec<usize>,
    /// Energy of all nodes: that of the ledger.
    pub energy_j: f64,
    /// Its negative part, which has no width.
    pub below_j: f64,
    /// Number of nodes of the recording.
    pub nodes: usize,
    /// Share of all energy below which nodes are merged.
    pub least: f64,
}

/// Returns the tree; `None` if no node has energy.
pub fn tree(ledger: &NodeLedger, places: &NodePlaces) -> Option<TreeChart> {
    let sums = InclusiveSums::new(ledger);
    let all: f64 = sums.mass.iter().zip(&sums.parent).fold(0.0, root_mass);
    if all <= 0.0 {
        return None;
    }
    let mut least = INITIAL_MIN_SHARE;
    while sums.kept(least * all) > NODES && least < 1.0 {
        least *= 2.0;
    }
    Some(sums.fold(ledger, places, least, least * all))
}

fn root_mass(sum: f64, (mass, parent): (&f64, &Option<usize>)) -> f64 {
    sum + if parent.is_none() { *mass } else { 0.0 }
}

/// Parents and inclusive amounts of the ledger's nodes.
struct InclusiveSums {
    parent: Vec<Option<usize>>,
    level: Vec<usize>,
    /// Inclusive sum of absolute amounts, so that large amounts of opposite sign do not cancel.
    mass: Vec<f64>,
}

impl InclusiveSums {
    fn new(ledger: &NodeLedger) -> Self {
        let nodes = &ledger.nodes;
        let mut places: HashMap<i64, usize> = HashMap::with_capacity(nodes.len());
        let (mut parent, mut level) = (Vec::new(), Vec::new());
        for (at, node) in nodes.iter().enumerate() {
            // In a damaged file a node without a parent is a root.
            let above = node.parent.and_then(|id| places.get(&id)).copied();
            level.push(above.map_or(0, |above: usize| level[above] + 1));
            parent.push(above);
            places.insert(node.id, at);
        }
        let own = |node: &crate::query::Node| Some(node.energy_j().abs()).filter(|j| j.is_finite());
        let mut mass: Vec<f64> = nodes.iter().map(|node| own(node).unwrap_or(0.0)).collect();
        for at in (0..nodes.len()).rev() {
            if let Some(above) = parent[at] {
                mass[above] += mass[at];
            }
        }
        Self {
            parent,
            level,
            mass,
        }
    }

    fn is_kept(&self, at: usize, least: f64) -> bool {
        self.level[at] < LEVELS && self.mass[at] >= least
    }

    fn kept(&self, least: f64) -> usize {
        let all = 0..self.mass.len();
        all.filter(|at| self.is_kept(*at, least)).count()
    }

    fn fold(
        &self,
        ledger: &NodeLedger,
        places: &NodePlaces,
        least: f64,
        least_j: f64,
    ) -> TreeChart {
        let mut names = NameTable::default();
        let mut tree = TreeChart {
            nodes: ledger.nodes.len(),
            least,
            ..TreeChart::default()
        };
        // The index of each node, or of the node it is merged into.
        let mut drawn: Vec<usize> = Vec::with_capacity(ledger.nodes.len());
        let mut others: HashMap<Option<usize>, usize> = HashMap::new();
        for (at, node) in ledger.nodes.iter().enumerate() {
            let above = self.parent[at].map(|above| drawn[above]);
            let energy_j = Some(node.energy_j()).filter(|j| j.is_finite());
            let energy_j = energy_j.unwrap_or(0.0);
            tree.below_j += energy_j.min(0.0);
            let place = places.of[at];
            let place = [place.part, place.phase].map(|of| places.names.get(of));
            if self.is_kept(at, least_j) {
                drawn.push(tree.push(&mut names, above, &node.label, place));
                let new = tree.parent.len() - 1;
                (tree.lo[new], tree.hi[new]) = node.interval_j();
                tree.counts[new] = node.instances.unwrap_or(0);
                tree.self_j[new] = energy_j;
                continue;
            }
            let is_below_merged = above.is_some_and(|above| tree.merged[above] > 0);
            let other = match above {
                Some(above) if is_below_merged => above,
                _ => *others
                    .entry(above)
                    .or_insert_with(|| tree.push(&mut names, above, "(other)", place)),
            };
            tree.self_j[other] += energy_j;
            tree.merged[other] += 1;
            drawn.push(other);
        }
        tree.energy_j = tree.self_j.iter().sum();
        tree.names = names.into_list();
        tree
    }
}

impl TreeChart {
    /// Adds an empty node and returns its index.
    fn push(
        &mut self,
        names: &mut NameTable,
        parent: Option<usize>,
        name: &str,
        [part, phase]: [&str; 2],
    ) -> usize {
        let parent = parent.and_then(|parent| i64::try_from(parent).ok());
        self.parent.push(parent.unwrap_or(-1));
        self.name.push(names.number(name));
        self.part.push(names.number(part));
        self.phase.push(names.number(phase));
        self.self_j.push(0.0);
        self.lo.push(None);
        self.hi.push(None);
        self.counts.push(0);
        self.merged.push(0);
        self.parent.len() - 1
    }
}
