//! The node of an activation, and whether the activation becomes a row.

use super::{Assembler, Detail};
use crate::record::output::AssemblerOutput;
use crate::record::tree::{NO_NODE, NodeId};

impl Assembler {
    /// Returns the parent activation and parent node of a new activation of `slot`.
    pub(super) fn place(
        &mut self,
        thread: usize,
        slot: usize,
        out: &mut impl AssemblerOutput,
    ) -> (Option<u64>, NodeId) {
        if let Some(open) = self.threads.top(thread) {
            return (Some(open.seq), open.node);
        }
        match self.instances.resolve(self.instances.get(slot).parent) {
            Some(parent) if parent.last_seq != 0 => (Some(parent.last_seq), parent.last_node),
            _ => (None, self.path(slot, out)),
        }
    }

    /// Returns the node of the ancestors of `slot`, adding nodes for those never entered.
    fn path(&mut self, slot: usize, out: &mut impl AssemblerOutput) -> NodeId {
        let mut above = Vec::new();
        let mut node = NO_NODE;
        let mut at = self.instances.get(slot).parent;
        while let Some(reference) = at {
            let Some(parent) = self.instances.resolve(Some(reference)) else {
                break;
            };
            if parent.last_seq != 0 {
                node = parent.last_node;
                break;
            }
            above.push(reference.slot);
            at = parent.parent;
        }
        above
            .into_iter()
            .rev()
            .fold(node, |node, slot| self.node(slot, node, out))
    }

    pub(super) fn node(
        &mut self,
        slot: usize,
        parent: NodeId,
        out: &mut impl AssemblerOutput,
    ) -> NodeId {
        let instance = self.instances.get_mut(slot);
        if let Some((known_parent, node)) = instance.node
            && known_parent == parent
        {
            return node;
        }
        let Some(callsite) = instance.callsite.map(|number| self.callsites.get(number)) else {
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

    /// Returns whether the next activation of `slot` becomes a row, as its parent does.
    pub(super) fn is_kept(&mut self, thread: usize, slot: usize, parent: Option<u64>) -> bool {
        match self.detail {
            Detail::Spans => true,
            Detail::Nodes => false,
            Detail::Sampled(one_in) => match (self.threads.top(thread), parent) {
                (Some(open), _) => open.kept,
                (None, Some(_)) => {
                    let above = self.instances.get(slot).parent;
                    let above = self.instances.resolve(above);
                    above.is_some_and(|parent| parent.last_kept)
                }
                (None, None) => {
                    self.roots += 1;
                    self.roots % u64::from(one_in.max(1)) == 1 % u64::from(one_in.max(1))
                }
            },
        }
    }
}
