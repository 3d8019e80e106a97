//! The calling-context tree: one node for each path of callsites and key values.

use std::collections::HashMap;

use super::callsite::Callsite;
use super::hash::IdMap;
use energy_data::rows::NodeRow;

/// Number of a node; 0 is the parent of the roots.
pub(crate) type NodeId = u32;
/// Parent of the roots.
pub(crate) const NO_NODE: NodeId = 0;
/// Number of a distinct text of key values; 0 for none.
pub(crate) type KeyId = u32;

const OTHER: KeyId = KeyId::MAX;

/// All nodes of a recording.
pub(crate) struct Tree {
    nodes: Vec<(NodeId, u32)>,
    by_path: IdMap<(NodeId, u32, KeyId), NodeId>,
    keys: HashMap<String, KeyId>,
    limit: usize,
    merged: u64,
}

impl Tree {
    /// Creates a tree that merges new key values into `(other)` beyond `limit` nodes.
    pub(crate) fn with_limit(limit: usize) -> Self {
        Self {
            nodes: Vec::new(),
            by_path: IdMap::default(),
            keys: HashMap::new(),
            limit,
            merged: 0,
        }
    }

    /// Returns the number of a text of key values.
    pub(crate) fn key(&mut self, text: &str) -> KeyId {
        if text.is_empty() {
            return 0;
        }
        if let Some(&id) = self.keys.get(text) {
            return id;
        }
        if self.keys.len() >= self.limit {
            return OTHER;
        }
        let id = self.keys.len() as KeyId + 1;
        self.keys.insert(text.to_owned(), id);
        id
    }

    /// Returns the node of `callsite` with `key` below `parent`; calls `new` if it is new.
    pub(crate) fn node(
        &mut self,
        parent: NodeId,
        callsite: &Callsite,
        key: (KeyId, &str),
        new: impl FnOnce(NodeRow),
    ) -> NodeId {
        if let Some(&node) = self.by_path.get(&(parent, callsite.id, key.0)) {
            return node;
        }
        if self.nodes.len() >= self.limit && key.0 != OTHER {
            self.merged += 1;
            return self.node(parent, callsite, (OTHER, "(other)"), new);
        }
        if self.nodes.len() >= self.limit * 2 && parent != NO_NODE {
            return parent;
        }
        let label = label(
            callsite.metadata.name(),
            if key.0 == OTHER { "(other)" } else { key.1 },
        );
        let node = self.add(parent, callsite.id, label, new);
        self.by_path.insert((parent, callsite.id, key.0), node);
        node
    }

    /// Returns the root node of spans without a recorded creation.
    pub(crate) fn unknown(&mut self, new: impl FnOnce(NodeRow)) -> NodeId {
        if let Some(&node) = self.by_path.get(&(NO_NODE, 0, OTHER)) {
            return node;
        }
        let node = self.add(NO_NODE, 0, "(unknown)".to_owned(), new);
        self.by_path.insert((NO_NODE, 0, OTHER), node);
        node
    }

    /// Returns how many new nodes were merged into `(other)`.
    pub(crate) fn merged(&self) -> u64 {
        self.merged
    }

    fn add(
        &mut self,
        parent: NodeId,
        callsite: u32,
        label: String,
        new: impl FnOnce(NodeRow),
    ) -> NodeId {
        let depth = if parent == NO_NODE {
            0
        } else {
            self.nodes[parent as usize - 1].1 + 1
        };
        self.nodes.push((parent, depth));
        let id = self.nodes.len() as NodeId;
        new(NodeRow {
            id,
            parent: (parent != NO_NODE).then_some(parent),
            callsite: (callsite != 0).then_some(callsite),
            label,
            depth,
            kind: None,
        });
        id
    }
}

fn label(name: &str, key: &str) -> String {
    if key.is_empty() {
        name.to_owned()
    } else {
        format!("{name} {key}")
    }
}
