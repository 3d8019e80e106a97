//! The node of an activation.

use crate::record::callsite::Callsites;
use crate::record::instances::Instances;
use crate::record::output::AssemblerOutput;
use crate::record::threads::OpenActivation;
use crate::record::tree::{NO_NODE, NodeId, Tree};

/// Finds the nodes of activations and adds new ones.
pub(super) struct NodePlacement {
    tree: Tree,
    /// The key values of the latest span; kept to reuse its memory.
    key: String,
}

impl NodePlacement {
    /// Creates an empty tree that merges new key values beyond `limit` nodes.
    pub(super) fn with_limit(limit: usize) -> Self {
        Self {
            tree: Tree::with_limit(limit),
            key: String::new(),
        }
    }

    /// Returns how many new nodes were merged into `(other)`.
    pub(super) fn merged(&self) -> u64 {
        self.tree.merged()
    }

    /// Returns the root node of spans without a recorded creation.
    pub(super) fn unknown(&mut self, out: &mut impl AssemblerOutput) -> NodeId {
        self.tree
            .unknown(|row| out.node(row, None, Default::default()))
    }

    /// Returns the parent activation and parent node of a new activation of `slot` on a
    /// thread with the innermost activation `top`.
    pub(super) fn parent(
        &mut self,
        top: Option<&OpenActivation>,
        slot: usize,
        (instances, callsites): (&mut Instances, &Callsites),
        out: &mut impl AssemblerOutput,
    ) -> (Option<u64>, NodeId) {
        if let Some(open) = top {
            return (Some(open.seq), open.node);
        }
        match instances.resolve(instances.get(slot).parent) {
            Some(parent) if parent.last_seq != 0 => (Some(parent.last_seq), parent.last_node),
            _ => (None, self.path(slot, (&mut *instances, callsites), out)),
        }
    }

    /// Returns the node of the ancestors of `slot`, adding nodes for those never entered.
    fn path(
        &mut self,
        slot: usize,
        (instances, callsites): (&mut Instances, &Callsites),
        out: &mut impl AssemblerOutput,
    ) -> NodeId {
        let mut above = Vec::new();
        let mut node = NO_NODE;
        let mut at = instances.get(slot).parent;
        while let Some(reference) = at {
            let Some(parent) = instances.resolve(Some(reference)) else {
                break;
            };
            if parent.last_seq != 0 {
                node = parent.last_node;
                break;
            }
            above.push(reference.slot);
            at = parent.parent;
        }
        above.into_iter().rev().fold(node, |node, slot| {
            self.node(slot, node, (&mut *instances, callsites), out)
        })
    }

    /// Returns the node of `slot` below `parent`.
    pub(super) fn node(
        &mut self,
        slot: usize,
        parent: NodeId,
        (instances, callsites): (&mut Instances, &Callsites),
        out: &mut impl AssemblerOutput,
    ) -> NodeId {
        let instance = instances.get_mut(slot);
        if let Some((known_parent, node)) = instance.node
            && known_parent == parent
        {
            return node;
        }
        let Some(callsite) = instance.callsite.map(|number| callsites.get(number)) else {
            return parent;
        };
        self.key.clear();
        if callsite.has_keys {
            instance.values.key(callsite, &mut self.key);
        }
        let key = (self.tree.key(&self.key), self.key.as_str());
        let node = self.tree.node(parent, callsite, key, |row| {
            out.node(row, callsite.role, callsite.domain)
        });
        instance.node = Some((parent, node));
        node
    }
}
