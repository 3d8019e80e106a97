//! Kinds of nodes, and their names.

/// Kinds by node, and names by kind. Kind 0 means none.
#[derive(Debug, Default)]
pub(crate) struct NodeKinds {
    of_node: Vec<u32>,
    names: Vec<String>,
    /// Whether an estimate gives them, so that none is missing.
    pub(crate) of_estimate: bool,
    is_fixed: bool,
}

impl NodeKinds {
    /// Creates the kinds of an estimate of the whole run, which later kinds do not change.
    pub(crate) fn fixed(of_node: Vec<u32>, names: Vec<String>) -> Self {
        Self {
            of_node,
            names,
            of_estimate: true,
            is_fixed: true,
        }
    }

    /// Sets the kind of a node.
    pub(crate) fn set(&mut self, node: u32, kind: u32, name: &str) {
        if self.is_fixed {
            return;
        }
        let (node, at) = (node as usize, kind as usize);
        if self.of_node.len() <= node {
            self.of_node.resize(node + 1, 0);
        }
        self.of_node[node] = kind;
        if self.names.len() <= at {
            self.names.resize(at + 1, String::new());
        }
        name.clone_into(&mut self.names[at]);
    }

    /// Returns the kind of a node; 0 if it is unknown.
    pub(crate) fn of(&self, node: u32) -> u32 {
        self.of_node.get(node as usize).copied().unwrap_or(0)
    }

    /// Returns the name of a kind.
    pub(crate) fn name(&self, kind: u32) -> Option<&str> {
        self.names.get(kind as usize).map(String::as_str)
    }

    /// Returns the number of kinds, including kind 0.
    pub(crate) fn count(&self) -> usize {
        self.names.len().max(1)
    }
}
