//! Chart: ledger energy from rails by phases and parts to operations. Energy into a node flows
//! out of it, or ends there.
//!
//! ```text
//! rail        phase       part          operation
//! package --> decode  --> attention --> softmax
//! dram    --> prefill --> lm_head       (ends in its part)
//! ```

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::name::name;
use super::part::{NodePlaces, OWN};
use crate::error::Result;
use crate::query::{Balance, Node, NodeLedger, Recording, Run, ledger_of};

/// Share of all energy below which nodes are merged.
const MIN_SHARE: f64 = 0.006;
/// Name of merged nodes.
const OTHER: &str = "(other)";

/// Nodes in four columns, and the flows between them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Flows {
    /// The nodes.
    pub nodes: Vec<FlowNode>,
    /// Flows between the nodes.
    pub links: Vec<Flow>,
    /// Energy that flows out of rails: the ledger.
    pub energy_j: f64,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlowNode {
    /// 0 rails, 1 phases, 2 parts, 3 operations.
    pub level: usize,
    /// Its name.
    pub name: String,
    /// Name of the part, of parts and operations.
    pub part: Option<String>,
    /// Number of names that it represents.
    pub of: usize,
    /// Energy that flows into it.
    pub energy_j: f64,
}

/// A flow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flow {
    /// Index of the node it comes from.
    pub from: usize,
    /// Index of the node it goes to.
    pub to: usize,
    /// Its signed energy.
    pub energy_j: f64,
}

/// Path of an amount: rail, phase, part, operation.
type Path = (String, String, String, Option<String>);

/// Returns the flows; `None` if spans have no energy.
///
/// # Errors
/// Fails if the file cannot be read.
pub fn flows(
    recording: &Recording,
    run: &Run,
    balance: &[Balance],
    places: &NodePlaces,
) -> Result<Option<Flows>> {
    let mut paths: BTreeMap<Path, f64> = BTreeMap::new();
    for rail in balance.iter().filter(|rail| rail.is_root) {
        let ledger = ledger_of(recording, run, &[rail.id])?;
        add(&mut paths, &name(&rail.rail), &ledger, places);
    }
    let total: f64 = paths.values().map(|joules| joules.abs()).sum();
    if total <= 0.0 {
        return Ok(None);
    }
    let folding = Folding::of(&paths, MIN_SHARE * total);
    Ok(Some(draw(&paths, &folding)))
}

fn add(paths: &mut BTreeMap<Path, f64>, rail: &str, ledger: &NodeLedger, places: &NodePlaces) {
    let amount = |node: &Node| Some(node.energy_j()).filter(|j| j.is_finite() && *j != 0.0);
    for (node, place) in ledger.nodes.iter().zip(&places.of) {
        let Some(joules) = amount(node) else {
            continue;
        };
        let name = |at: usize| places.names.get(at).to_owned();
        let path = (
            rail.to_owned(),
            name(place.phase),
            name(place.part),
            place.op.map(name),
        );
        *paths.entry(path).or_default() += joules;
    }
}

/// Decides which names are too small for separate nodes, at each level separately.
struct Folding {
    /// Amounts by level and name: phases, parts, operations.
    sums: [BTreeMap<String, f64>; 3],
    /// Parts with an operation large enough to be drawn. Their self energy is an operation,
    /// too.
    with_ops: HashSet<String>,
    least: f64,
}

/// A node without an index: level, part, displayed name, and the name that it represents.
type DisplayedNode = (usize, Option<String>, String, String);

impl Folding {
    fn of(paths: &BTreeMap<Path, f64>, least: f64) -> Self {
        let mut folding = Self {
            sums: Default::default(),
            with_ops: HashSet::new(),
            least,
        };
        for (path, joules) in paths {
            for (sums, key) in folding.sums.iter_mut().zip(keys(path)) {
                *sums.entry(key).or_default() += joules.abs();
            }
        }
        let large = |path: &&Path| {
            let sum = folding.sums[2].get(&keys(path)[2]);
            path.3.is_some() && sum.is_some_and(|sum| *sum >= least)
        };
        folding.with_ops = paths
            .keys()
            .filter(large)
            .map(|path| path.2.clone())
            .collect();
        folding
    }

    fn name(&self, level: usize, key: &str, name: &str) -> String {
        let sum = self.sums[level].get(key).copied().unwrap_or(0.0);
        let name = if sum < self.least { OTHER } else { name };
        name.to_owned()
    }

    /// Returns the nodes on a path.
    fn path_nodes(&self, path: &Path) -> Vec<DisplayedNode> {
        let (rail, phase, part, op) = path;
        let [phase_key, part_key, op_key] = keys(path);
        let shown_part = self.name(1, &part_key, part);
        let mut path_nodes = vec![
            (0, None, rail.clone(), rail.clone()),
            (1, None, self.name(0, &phase_key, phase), phase_key),
            (2, Some(shown_part.clone()), shown_part.clone(), part_key),
        ];
        if self.with_ops.contains(part) && shown_part != OTHER {
            let op = self.name(2, &op_key, op.as_deref().unwrap_or(OWN));
            path_nodes.push((3, Some(shown_part), op, op_key));
        }
        path_nodes
    }
}

/// Returns the keys that are summed at each level: operations of two parts are separate.
fn keys(path: &Path) -> [String; 3] {
    let (_, phase, part, op) = path;
    let op = format!("{part} > {}", op.as_deref().unwrap_or(OWN));
    [phase.clone(), part.clone(), op]
}

fn draw(paths: &BTreeMap<Path, f64>, folding: &Folding) -> Flows {
    let mut flows = Flows::default();
    let mut numbers: BTreeMap<(usize, Option<String>, String), usize> = BTreeMap::new();
    let mut stands_for: Vec<HashSet<String>> = Vec::new();
    let mut links: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for (path, joules) in paths {
        let mut before = None;
        for (level, part, name, one) in folding.path_nodes(path) {
            let key = (level, part.clone(), name.clone());
            let at = *numbers.entry(key).or_insert_with(|| {
                flows.nodes.push(FlowNode {
                    level,
                    name,
                    part,
                    of: 1,
                    energy_j: 0.0,
                });
                stands_for.push(HashSet::new());
                flows.nodes.len() - 1
            });
            stands_for[at].insert(one);
            flows.nodes[at].energy_j += joules;
            if let Some(before) = before {
                *links.entry((before, at)).or_default() += joules;
            }
            before = Some(at);
        }
        flows.energy_j += joules;
    }
    for (node, names) in flows.nodes.iter_mut().zip(&stands_for) {
        node.of = names.len();
    }
    let link = |((from, to), energy_j)| Flow { from, to, energy_j };
    flows.links = links.into_iter().map(link).collect();
    flows
}
