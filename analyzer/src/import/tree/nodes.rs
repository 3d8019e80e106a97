//! The calling-context tree of an imported trace.
//!
//! It is bounded where kinds go by their path, for the name of a path holds the names
//! above it: past so many nodes new ones go to `(other)`, and past so many levels a
//! span counts to the node above it. What is named in the file is not bounded: its
//! paths are never spelled out.

use std::collections::HashMap;

use tracing_energy::rows::NodeRow;

use crate::import::trace::{Span, Trace};
use crate::import::{Oddity, odd};

/// As many as a recording makes.
const MOST: usize = 65_536;
/// Deeper spans count to the node above them.
const DEEPEST: u32 = 256;
/// The key of what was folded.
const OTHER: u32 = u32::MAX;

/// A node for each path of kinds and keys, parents first, and the node of each span.
pub(super) fn of(trace: &Trace, oddities: &mut Vec<Oddity>) -> (Vec<NodeRow>, Vec<u32>) {
    let mut nodes = Nodes {
        trace,
        rows: Vec::new(),
        by_path: HashMap::new(),
        folded: 0,
        deep: 0,
    };
    let mut node_of: Vec<u32> = vec![0; trace.spans.len()];
    let mut way = Vec::new();
    for at in 0..trace.spans.len() {
        // A parent may start later: its node is made first nevertheless.
        let mut next = Some(at);
        while let Some(span) = next.filter(|&span| node_of[span] == 0) {
            way.push(span);
            next = trace.spans[span].parent.map(|parent| parent as usize);
        }
        for span in way.drain(..).rev() {
            let row = &trace.spans[span];
            let above = row.parent.map_or(0, |parent| node_of[parent as usize]);
            node_of[span] = nodes.node(above, row);
        }
    }
    let folded = "spans came when there were 65,536 nodes; they are in nodes `(other)`";
    odd(oddities, ("folded", nodes.folded), folded);
    let deep = "spans lie more than 256 levels deep; they count to the node of that level";
    odd(oddities, ("too_deep", nodes.deep), deep);
    (nodes.rows, node_of)
}

struct Nodes<'a> {
    trace: &'a Trace,
    rows: Vec<NodeRow>,
    by_path: HashMap<(u32, u32, u32), u32>,
    folded: usize,
    deep: usize,
}

impl Nodes<'_> {
    /// The node of a span below the node `above`; 0 is above the roots.
    fn node(&mut self, above: u32, span: &Span) -> u32 {
        let path = (above, span.kind, span.key);
        if let Some(&node) = self.by_path.get(&path) {
            return node;
        }
        let bounded = !self.trace.kinds_are_named;
        let parent = (above as usize).checked_sub(1).map(|at| &self.rows[at]);
        if bounded && parent.is_some_and(|parent| parent.depth + 1 >= DEEPEST) {
            self.deep += 1;
            return above;
        }
        if bounded && self.rows.len() >= MOST {
            self.folded += 1;
            return self.other(above, span.kind);
        }
        let label = label(&self.trace.kinds[span.kind as usize].name, self.key(span));
        self.add(path, Some(span.kind + 1), label)
    }

    /// Where a span goes for which there is no room: to its kind's folded node, above
    /// that to its parent, and as a root to the one root of them all.
    fn other(&mut self, above: u32, kind: u32) -> u32 {
        let path = (above, kind, OTHER);
        if let Some(&node) = self.by_path.get(&path) {
            return node;
        }
        if self.rows.len() < 2 * MOST {
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

    fn key(&self, span: &Span) -> &str {
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
