//! Kinds: groups of nodes that do the same work, regardless of their key fields.
//!
//! ```text
//! node                          kind
//! decode > layer 0 > matmul     decode > layer > matmul
//! decode > layer 1 > matmul     decode > layer > matmul     the same one
//! prefill > layer 0 > matmul    prefill > layer > matmul    another one
//! ```
//!
//! Power is estimated by kind, because thirty layers that do the same work have enough
//! samples only together. Kinds are identified by name, so that the estimate of one run can
//! be used for another run.

use std::collections::HashMap;

use energy_data::rows::{CallsiteRow, NodeRow};

/// Separator of the names of a path.
const BETWEEN: &str = " > ";

/// One kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// The explicit name, or span names from the root down with ` > ` between them.
    pub name: String,
    /// The kind that it mostly runs in; `None` for roots. Explicit kinds that run in each
    /// other may form a cycle.
    pub parent: Option<u32>,
}

/// The kinds of a run's nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kinds {
    /// The kind of each node, by node id; 0 where there is no such node.
    pub of_node: Vec<u32>,
    /// Kinds by id, which begins at 1: kind `k` has index `k - 1`. They are in the order of
    /// their first node, so that later nodes change no id.
    pub kinds: Vec<Kind>,
}

/// Assigns kinds to nodes as these are added.
#[derive(Debug, Default)]
pub struct KindNames {
    found: Kinds,
    by_name: HashMap<String, u32>,
    callsites: HashMap<u32, String>,
}

impl KindNames {
    /// Adds a callsite. Call it before adding its nodes.
    pub fn callsite(&mut self, row: &CallsiteRow) {
        self.callsites.insert(row.id, row.name.clone());
    }

    /// Adds a node, whose parent must have been added before. Returns its kind and the kind's
    /// name.
    pub fn node(&mut self, node: &NodeRow) -> (u32, &str) {
        let name = self.name_of(node);
        let found = &mut self.found;
        let kind = *self.by_name.entry(name).or_insert_with_key(|name| {
            found.kinds.push(Kind {
                name: name.clone(),
                parent: None,
            });
            found.kinds.len() as u32
        });
        let at = node.id as usize;
        if found.of_node.len() <= at {
            found.of_node.resize(at + 1, 0);
        }
        found.of_node[at] = kind;
        (kind, &found.kinds[kind as usize - 1].name)
    }

    /// Returns the kind of a node that was added.
    pub fn kind_of(&self, node: u32) -> Option<u32> {
        self.found.kind_of(node)
    }

    /// Returns the name of the kind of a node that was added.
    pub fn name_of_node(&self, node: u32) -> Option<&str> {
        let kind = self.found.get(self.found.kind_of(node)?)?;
        Some(&kind.name)
    }

    /// Returns the name of a node's kind. A node without a callsite, such as `(other)`, uses its
    /// label.
    fn name_of(&self, node: &NodeRow) -> String {
        if let Some(kind) = &node.kind {
            return kind.clone();
        }
        let callsite = node.callsite.and_then(|id| self.callsites.get(&id));
        let own = callsite.unwrap_or(&node.label);
        let above = node.parent.and_then(|parent| self.found.kind_of(parent));
        match above.and_then(|kind| self.found.get(kind)) {
            Some(above) => format!("{}{BETWEEN}{own}", above.name),
            None => own.clone(),
        }
    }
}

impl Kinds {
    /// Finds the kinds of `nodes`, which are sorted by id, parents first. A kind's parent is
    /// that of its node with the largest `self_ns(node id)`; of equals, that of the first one.
    pub fn of(nodes: &[NodeRow], callsites: &[CallsiteRow], self_ns: impl Fn(u32) -> i64) -> Self {
        let mut names = KindNames::default();
        callsites.iter().for_each(|row| names.callsite(row));
        for node in nodes {
            names.node(node);
        }
        let mut found = names.found;
        found.find_parents(nodes, self_ns);
        found
    }

    /// Returns the kind of a node.
    pub fn kind_of(&self, node: u32) -> Option<u32> {
        let kind = self.of_node.get(node as usize).copied();
        kind.filter(|&kind| kind > 0)
    }

    /// Returns the kind with that id.
    pub fn get(&self, kind: u32) -> Option<&Kind> {
        self.kinds.get((kind as usize).checked_sub(1)?)
    }

    fn find_parents(&mut self, nodes: &[NodeRow], self_ns: impl Fn(u32) -> i64) {
        let mut most: Vec<Option<i64>> = vec![None; self.kinds.len()];
        for node in nodes {
            let Some(kind) = self.kind_of(node.id) else {
                continue;
            };
            let at = kind as usize - 1;
            let time = self_ns(node.id);
            if most[at].is_none_or(|most| time > most) {
                most[at] = Some(time);
                let parent = node.parent.and_then(|parent| self.kind_of(parent));
                self.kinds[at].parent = parent.filter(|&parent| parent != kind);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use energy_data::rows::Domain;

    fn callsite(id: u32, name: &str) -> CallsiteRow {
        CallsiteRow {
            id,
            name: name.into(),
            target: String::new(),
            level: "INFO".into(),
            file: None,
            line: None,
            domain: Domain::Cpu,
            role: None,
        }
    }

    fn node(id: u32, parent: u32, callsite: u32, kind: Option<&str>) -> NodeRow {
        NodeRow {
            id,
            parent: (parent > 0).then_some(parent),
            callsite: (callsite > 0).then_some(callsite),
            label: format!("label {id}"),
            depth: 0,
            kind: kind.map(str::to_owned),
        }
    }

    /// ```text
    /// 1 prefill        2 layer 0    3 matmul
    /// 4 decode         5 layer 0    6 matmul
    ///                  7 layer 1    8 matmul
    /// ```
    #[test]
    fn layers_share_a_kind_and_phases_do_not() {
        let callsites = ["prefill", "decode", "layer", "matmul"];
        let callsites: Vec<_> = (1..).zip(callsites).map(|(i, n)| callsite(i, n)).collect();
        let links = [
            (0, 1),
            (1, 3),
            (2, 4),
            (0, 2),
            (4, 3),
            (5, 4),
            (4, 3),
            (7, 4),
        ];
        let nodes: Vec<_> = (1..)
            .zip(links)
            .map(|(id, (parent, callsite))| node(id, parent, callsite, None))
            .collect();
        let kinds = Kinds::of(&nodes, &callsites, |_| 0);
        assert_eq!(kinds.of_node, [0, 1, 2, 3, 4, 5, 6, 5, 6]);
        let names: Vec<&str> = kinds.kinds.iter().map(|kind| kind.name.as_str()).collect();
        assert_eq!(names[2], "prefill > layer > matmul");
        assert_eq!(names[5], "decode > layer > matmul");
        let parents: Vec<_> = kinds.kinds.iter().map(|kind| kind.parent).collect();
        assert_eq!(parents, [None, Some(1), Some(2), None, Some(4), Some(5)]);
        let fewer = Kinds::of(&nodes[..4], &callsites, |_| 0);
        assert_eq!(fewer.kinds, kinds.kinds[..4], "later nodes change no id");
    }

    /// The parent of an explicit kind under two parents is the one with the most time.
    #[test]
    fn explicit_kinds_are_one_wherever_they_run() {
        let callsites = [callsite(1, "a"), callsite(2, "b"), callsite(3, "k")];
        let nodes = [
            node(1, 0, 1, None),
            node(2, 0, 2, None),
            node(3, 1, 3, Some("gemm")),
            node(4, 2, 3, Some("gemm")),
            node(5, 4, 3, Some("gemm")),
            node(6, 5, 1, None),
            node(7, 0, 0, None),
        ];
        let time = |node: u32| if node == 4 { 20 } else { 10 };
        let kinds = Kinds::of(&nodes, &callsites, time);
        assert_eq!(kinds.of_node, [0, 1, 2, 3, 3, 3, 4, 5]);
        let kind = |name: &str, parent| Kind {
            name: name.into(),
            parent,
        };
        assert_eq!(kinds.kinds[2], kind("gemm", Some(2)));
        assert_eq!(kinds.kinds[3], kind("gemm > a", Some(3)));
        assert_eq!(kinds.kinds[4], kind("label 7", None));
        assert_eq!((kinds.kind_of(0), kinds.kind_of(99)), (None, None));
    }
}
