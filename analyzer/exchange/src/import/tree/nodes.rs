//! The calling-context tree of an imported trace.
//!
//! Its size is bounded if kinds are identified by path, because each path contains all names
//! above it: beyond a number of nodes, new ones are merged as `(other)`, and beyond a number of
//! levels a span counts to its ancestor's node. Kinds named in the file need no bound, because
//! their paths are never stored.

use std::collections::HashMap;

use energy_data::rows::NodeRow;

use crate::import::anomaly::{Anomaly, push_anomaly};
use crate::import::trace::{ImportedTrace, TraceSpan};

/// Maximum number of nodes, as in a recording.
const MAX_NODES: usize = 65_536;
/// Maximum depth; deeper spans count to the node above them.
const MAX_DEPTH: u32 = 256;
/// Key of merged nodes.
const OTHER: u32 = u32::MAX;

/// Creates a node for each path of kinds and keys, parents first; returns the nodes and the
/// node of each span.
pub(super) fn build(
    trace: &ImportedTrace,
    anomalies: &mut Vec<Anomaly>,
) -> (Vec<NodeRow>, Vec<u32>) {
    let mut nodes = Nodes {
        trace,
        rows: Vec::new(),
        by_path: HashMap::new(),
        merged: 0,
        deep: 0,
    };
    let mut node_of: Vec<u32> = vec![0; trace.spans.len()];
    let mut ancestors = Vec::new();
    for at in 0..trace.spans.len() {
        // A parent may start later: its node is created first anyway.
        let mut next = Some(at);
        while let Some(span) = next.filter(|&span| node_of[span] == 0) {
            ancestors.push(span);
            next = trace.spans[span].parent.map(|parent| parent as usize);
        }
        for span in ancestors.drain(..).rev() {
            let row = &trace.spans[span];
            let above = row.parent.map_or(0, |parent| node_of[parent as usize]);
            node_of[span] = nodes.node(above, row);
        }
    }
    let merged = "spans exceed the limit of 65,536 nodes; they are merged into nodes `(other)`";
    push_anomaly(anomalies, ("merged_nodes", nodes.merged), merged);
    let deep = "spans are more than 256 levels deep; they count to the node of level 256";
    push_anomaly(anomalies, ("too_deep", nodes.deep), deep);
    (nodes.rows, node_of)
}

struct Nodes<'a> {
    trace: &'a ImportedTrace,
    rows: Vec<NodeRow>,
    by_path: HashMap<(u32, u32, u32), u32>,
    merged: usize,
    deep: usize,
}

impl Nodes<'_> {
    /// Returns the node of a span below the node `above`; 0 is above the roots.
    fn node(&mut self, above: u32, span: &TraceSpan) -> u32 {
        let path = (above, span.kind, span.key);
        if let Some(&node) = self.by_path.get(&path) {
            return node;
        }
        let bounded = !self.trace.kinds_are_named;
        let parent = (above as usize).checked_sub(1).map(|at| &self.rows[at]);
        if bounded && parent.is_some_and(|parent| parent.depth + 1 >= MAX_DEPTH) {
            self.deep += 1;
            return above;
        }
        if bounded && self.rows.len() >= MAX_NODES {
            self.merged += 1;
            return self.other(above, span.kind);
        }
        let label = label(&self.trace.kinds[span.kind as usize].name, self.key(span));
        self.add(path, Some(span.kind + 1), label)
    }

    /// Returns the node of a span beyond the limit: the merged node of its kind; if there are
    /// too many of these, its parent; for a root, the common merged root.
    fn other(&mut self, above: u32, kind: u32) -> u32 {
        let path = (above, kind, OTHER);
        if let Some(&node) = self.by_path.get(&path) {
            return node;
        }
        if self.rows.len() < 2 * MAX_NODES {
            let label = label(&self.trace.kinds[kind as usize].name, "(other)");
            return self.add(path, Some(kind + 1), label);
        }
        if above > 0 {
            return above;
        }
        let path = (0, OTHER, OTHER);
        let known = self.by_path.get(&path).copied();
        known.unwrap_or_else(|| self.add(path, None, "(other)".to_owned()))
    }

    fn add(&mut self, path: (u32, u32, u32), callsite: Option<u32>, label: String) -> u32 {
        let parent = (path.0 as usize).checked_sub(1).map(|at| &self.rows[at]);
        let id = self.rows.len() as u32 + 1;
        let row = NodeRow {
            id,
            parent: parent.map(|parent| parent.id),
            callsite,
            depth: parent.map_or(0, |parent| parent.depth + 1),
            kind: self.trace.kinds_are_named.then(|| label.clone()),
            label,
        };
        self.rows.push(row);
        self.by_path.insert(path, id);
        id
    }

    fn key(&self, span: &TraceSpan) -> &str {
        let key = self.trace.keys.get(span.key as usize);
        key.map(String::as_str).unwrap_or_default()
    }
}

fn label(name: &str, key: &str) -> String {
    match key {
        "" => name.to_owned(),
        key => format!("{name} {key}"),
    }
}
