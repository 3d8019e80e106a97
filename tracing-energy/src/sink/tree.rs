//! Recorded spans as an indented tree, for comparison in tests.
//!
//! ```text
//! decode
//!   token x2
//!     layer 0 x2 1.500 J
//!     layer 1 x2 1.250 J (open)
//! ```

use std::collections::BTreeMap;

use energy_data::rows::{NodeRow, RailRow};

use energy_data::sink::Batch;

/// Returns the activations of `rows` as text: one line per node and parent line, in the
/// order of first starts, with the number of activations if above one. The node's active
/// self energy over root rails follows if it was attributed, and `(open)` if an activation
/// has not ended.
pub(super) fn tree(rows: &Batch) -> String {
    let mut lines: Vec<TreeLine> = Vec::new();
    let mut line_of_span: BTreeMap<u64, usize> = BTreeMap::new();
    let mut known: BTreeMap<(Option<usize>, u32), usize> = BTreeMap::new();
    for span in &rows.spans {
        let parent = span.parent.and_then(|seq| line_of_span.get(&seq).copied());
        let line = *known.entry((parent, span.node)).or_insert_with(|| {
            lines.push(TreeLine::new(parent, span.node));
            lines.len() - 1
        });
        lines[line].count += 1;
        lines[line].open |= span.end_ns.is_none();
        line_of_span.insert(span.seq, line);
    }
    let mut text = String::new();
    print(rows, &lines, None, 0, &mut text);
    text
}

struct TreeLine {
    parent: Option<usize>,
    node: u32,
    count: usize,
    open: bool,
}

impl TreeLine {
    fn new(parent: Option<usize>, node: u32) -> Self {
        Self {
            parent,
            node,
            count: 0,
            open: false,
        }
    }
}

fn print(rows: &Batch, lines: &[TreeLine], parent: Option<usize>, depth: usize, text: &mut String) {
    for (index, line) in lines.iter().enumerate() {
        if line.parent != parent {
            continue;
        }
        text.push_str(&"  ".repeat(depth));
        text.push_str(label(&rows.nodes, line.node));
        if line.count != 1 {
            text.push_str(&format!(" x{}", line.count));
        }
        if let Some(energy) = self_energy_j(rows, line.node) {
            text.push_str(&format!(" {energy:.3} J"));
        }
        if line.open {
            text.push_str(" (open)");
        }
        text.push('\n');
        print(rows, lines, Some(index), depth + 1, text);
    }
}

fn label(nodes: &[NodeRow], id: u32) -> &str {
    let node = nodes.iter().find(|node| node.id == id);
    node.map_or("(no such node)", |node| node.label.as_str())
}

fn self_energy_j(rows: &Batch, node: u32) -> Option<f64> {
    let root = |id: u32| {
        let is = |rail: &RailRow| rail.id == id && rail.parent.is_none();
        rows.rails.iter().any(is)
    };
    let energies = rows.attribution.node_energy.iter();
    energies
        .filter(|row| row.node == node && root(row.rail))
        .map(|row| row.self_j)
        .reduce(|a, b| a + b)
}
