//! To which phase, part and operation does a node belong? One answer for all charts, so
//! that a part has one colour in all of them.
//!
//! ```text
//! decode > token > layers > layer 3 > attention > softmax
//! phase                               part        operation
//! decode > token > lm_head
//! phase            part
//! main > load > parse           no phases: the root `main` in their place, part `load`
//! ```

use std::collections::{HashMap, HashSet};

use super::name::Names;
use crate::query::{Ledger, Node};

/// What a phase's own spans, and those outside of phases, are called.
pub(super) const OWN: &str = "(own)";
pub(super) const REST: &str = "(rest)";

/// Where one node belongs; numbers of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) phase: usize,
    pub(super) part: usize,
    /// None for what is a part's own.
    pub(super) op: Option<usize>,
}

/// The places of a ledger's nodes, in their order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Places {
    pub(super) names: Names,
    pub(super) of: Vec<Place>,
}

/// Nodes above a node that decide, topmost first of each role, as places in the ledger.
#[derive(Debug, Clone, Copy, Default)]
struct Above {
    phase: Option<usize>,
    below_phase: Option<usize>,
    section: Option<usize>,
    component: Option<usize>,
    op: Option<usize>,
}

impl Places {
    pub(super) fn of(ledger: &Ledger) -> Self {
        let heads: HashSet<i64> = ledger.heads().iter().map(|node| node.id).collect();
        let mut known: HashMap<i64, Above> = HashMap::with_capacity(ledger.nodes.len());
        let mut places = Self {
            names: Names::default(),
            of: Vec::with_capacity(ledger.nodes.len()),
        };
        // Parents come first.
        for (at, node) in ledger.nodes.iter().enumerate() {
            let parent = node.parent.and_then(|id| known.get(&id));
            let mut above = parent.copied().unwrap_or_default();
            above.pass(at, node, heads.contains(&node.id));
            known.insert(node.id, above);
            let place = places.place(ledger, &above);
            places.of.push(place);
        }
        places
    }

    fn place(&mut self, ledger: &Ledger, above: &Above) -> Place {
        let mut number = |at: Option<usize>, without: &str| match at {
            Some(at) => {
                let node = &ledger.nodes[at];
                self.names
                    .number(node.name.as_deref().unwrap_or(&node.label))
            }
            None => self.names.number(without),
        };
        let part = above.component.or(above.section).or(above.below_phase);
        Place {
            phase: number(above.phase, REST),
            part: number(part, if above.phase.is_some() { OWN } else { REST }),
            op: above
                .op
                .filter(|op| Some(*op) != part)
                .map(|op| number(Some(op), OWN)),
        }
    }
}

impl Above {
    /// Goes down to a node.
    fn pass(&mut self, at: usize, node: &Node, is_phase: bool) {
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
