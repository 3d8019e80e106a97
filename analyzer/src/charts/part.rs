//! Assigns a phase, part and operation to each node. All charts use the same assignment, so
//! that a part has one colour in all of them.
//!
//! ```text
//! decode > token > layers > layer 3 > attention > softmax
//! phase                               part        operation
//! decode > token > lm_head
//! phase            part
//! main > load > parse           without phases: the root `main` instead, part `load`
//! ```

use std::collections::{HashMap, HashSet};

use super::name::NameTable;
use crate::query::{Node, NodeLedger};

/// Name of the part for a phase's own spans.
pub const OWN: &str = "(own)";
/// Name of phase and part for spans outside of phases.
pub const REMAINDER: &str = "(remainder)";

/// Assignment of one node, as indices of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodePlace {
    /// Its phase.
    pub phase: usize,
    /// Its part.
    pub part: usize,
    /// `None` for the self energy of a part.
    pub op: Option<usize>,
}

/// Assignments of a ledger's nodes, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct NodePlaces {
    /// Names of phases, parts and operations.
    pub names: NameTable,
    /// Assignment of each node of the ledger.
    pub of: Vec<NodePlace>,
}

/// Enclosing nodes that determine the assignment, as indices of the ledger: the topmost node of
/// each role.
#[derive(Debug, Clone, Copy, Default)]
struct EnclosingNodes {
    phase: Option<usize>,
    below_phase: Option<usize>,
    section: Option<usize>,
    component: Option<usize>,
    op: Option<usize>,
}

impl NodePlaces {
    /// Assigns all nodes of a ledger.
    pub fn new(ledger: &NodeLedger) -> Self {
        let heads: HashSet<i64> = ledger.heads().iter().map(|node| node.id).collect();
        let mut known: HashMap<i64, EnclosingNodes> = HashMap::with_capacity(ledger.nodes.len());
        let mut places = Self {
            names: NameTable::default(),
            of: Vec::with_capacity(ledger.nodes.len()),
        };
        // Parents come first.
        for (at, node) in ledger.nodes.iter().enumerate() {
            let parent = node.parent.and_then(|id| known.get(&id));
            let mut enclosing = parent.copied().unwrap_or_default();
            enclosing.enter(at, node, heads.contains(&node.id));
            known.insert(node.id, enclosing);
            let place = places.place(ledger, &enclosing);
            places.of.push(place);
        }
        places
    }

    fn place(&mut self, ledger: &NodeLedger, enclosing: &EnclosingNodes) -> NodePlace {
        let mut number = |at: Option<usize>, without: &str| match at {
            Some(at) => {
                let node = &ledger.nodes[at];
                self.names
                    .number(node.name.as_deref().unwrap_or(&node.label))
            }
            None => self.names.number(without),
        };
        let part = enclosing
            .component
            .or(enclosing.section)
            .or(enclosing.below_phase);
        NodePlace {
            phase: number(enclosing.phase, REMAINDER),
            part: number(
                part,
                if enclosing.phase.is_some() {
                    OWN
                } else {
                    REMAINDER
                },
            ),
            op: enclosing
                .op
                .filter(|op| Some(*op) != part)
                .map(|op| number(Some(op), OWN)),
        }
    }
}

impl EnclosingNodes {
    /// Updates the enclosing nodes for a child.
    fn enter(&mut self, at: usize, node: &Node, is_phase: bool) {
        let topmost = |known: &mut Option<usize>, is_it: bool| {
            if is_it && known.is_none() {
                *known = Some(at);
            }
        };
        let role = node.role.as_deref();
        topmost(&mut self.below_phase, self.phase.is_some());
        topmost(&mut self.phase, is_phase);
        topmost(&mut self.section, role == Some("section"));
        topmost(&mut self.component, role == Some("component"));
        topmost(&mut self.op, role == Some("op"));
    }
}
