//! Puts spans in the order of their starts and finds the node of each.

use std::collections::HashMap;
use std::path::Path;

use tracing_energy::DEFAULT_ROLES;
use tracing_energy::rows::{CallsiteRow, NodeRow, Role};

use super::spans::{Span, Trace};
use super::{Oddity, bad};
use crate::error::Result;

/// What the spans of a trace have in common.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) callsites: Vec<CallsiteRow>,
    pub(super) nodes: Vec<NodeRow>,
    /// Node of each span, in the order of the trace.
    pub(super) node_of: Vec<u32>,
    pub(super) oddities: Vec<Oddity>,
}

/// Sorts the spans of `trace` by start, those around others first, and makes nodes
/// of their paths.
///
/// # Errors
/// When spans are their own ancestors; the message has the line.
pub(super) fn grow(trace: &mut Trace, path: &Path) -> Result<Tree> {
    let depths = depths(&trace.spans).map_err(|line| {
        let message = format!("line {line}: the span is its own ancestor; mend its parent_id");
        bad(path, message)
    })?;
    let mut oddities = Vec::new();
    let unsorted = trace
        .spans
        .windows(2)
        .filter(|pair| pair[1].start_ns < pair[0].start_ns);
    odd(
        &mut oddities,
        ("unsorted", unsorted.count()),
        "start before the span of the line above; all were sorted by start",
    );
    sort(&mut trace.spans, &depths);
    let early = trace.spans.iter().filter(|span| {
        let parent = span.parent.map(|parent| trace.spans[parent as usize]);
        parent.is_some_and(|parent| span.start_ns < parent.start_ns)
    });
    odd(
        &mut oddities,
        ("before_parent", early.count()),
        "start before their parent; until it starts they count as roots",
    );
    let callsites = callsites(trace);
    let (nodes, node_of) = nodes(trace);
    Ok(Tree {
        callsites,
        nodes,
        node_of,
        oddities,
    })
}

fn odd(oddities: &mut Vec<Oddity>, (kind, count): (&'static str, usize), what: &str) {
    if count > 0 {
        oddities.push(Oddity {
            kind,
            count: count as u64,
            message: format!("{count} spans {what}"),
        });
    }
}

/// How many ancestors each span has, or the line of one that is its own.
fn depths(spans: &[Span]) -> std::result::Result<Vec<u32>, u64> {
    let mut depths: Vec<Option<u32>> = vec![None; spans.len()];
    let mut way = Vec::new();
    for at in 0..spans.len() {
        let mut next = Some(at);
        let mut depth = 0;
        while let Some(span) = next {
            if let Some(known) = depths[span] {
                depth = known + 1;
                break;
            }
            way.push(span);
            if way.len() > spans.len() {
                return Err(spans[span].line);
            }
            next = spans[span].parent.map(|parent| parent as usize);
        }
        for span in way.drain(..).rev() {
            depths[span] = Some(depth);
            depth += 1;
        }
    }
    Ok(depths.into_iter().map(Option::unwrap_or_default).collect())
}

/// Sorts by start; of those that start together the outer ones come first.
fn sort(spans: &mut Vec<Span>, depths: &[u32]) {
    let mut order: Vec<u32> = (0..spans.len() as u32).collect();
    order.sort_by_key(|&at| {
        let span = &spans[at as usize];
        (
            span.start_ns,
            depths[at as usize],
            std::cmp::Reverse(span.end_ns),
            span.line,
        )
    });
    let mut place = vec![0; spans.len()];
    for (new, &old) in (0..).zip(&order) {
        place[old as usize] = new;
    }
    *spans = order
        .iter()
        .map(|&old| {
            let span = spans[old as usize];
            let parent = span.parent.map(|parent| place[parent as usize]);
            Span { parent, ..span }
        })
        .collect();
}

/// One for each kind and domain.
fn callsites(trace: &Trace) -> Vec<CallsiteRow> {
    let role = |name: &str| {
        let known = DEFAULT_ROLES.iter().find(|(known, _)| *known == name);
        known.and_then(|(_, role)| Role::from_name(role))
    };
    (1..)
        .zip(&trace.kinds)
        .map(|(id, (kind, domain))| CallsiteRow {
            id,
            name: kind.clone(),
            target: "import".to_owned(),
            level: "INFO".to_owned(),
            file: None,
            line: None,
            domain: *domain,
            role: role(kind),
        })
        .collect()
}

/// A node for each path of kinds, parents first, and the node of each span.
fn nodes(trace: &Trace) -> (Vec<NodeRow>, Vec<u32>) {
    let mut nodes: Vec<NodeRow> = Vec::new();
    let mut by_path: HashMap<(u32, u32), u32> = HashMap::new();
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
            let Span { parent, kind, .. } = trace.spans[span];
            let above = parent.map_or(0, |parent| node_of[parent as usize]);
            node_of[span] = *by_path.entry((above, kind)).or_insert_with(|| {
                nodes.push(node(nodes.len() as u32 + 1, above, kind, &nodes, trace));
                nodes.len() as u32
            });
        }
    }
    (nodes, node_of)
}

fn node(id: u32, above: u32, kind: u32, nodes: &[NodeRow], trace: &Trace) -> NodeRow {
    let name = &trace.kinds[kind as usize].0;
    let parent = (above as usize).checked_sub(1).map(|at| &nodes[at]);
    NodeRow {
        id,
        parent: parent.map(|parent| parent.id),
        callsite: Some(kind + 1),
        label: name.clone(),
        depth: parent.map_or(0, |parent| parent.depth + 1),
        kind: Some(name.clone()),
    }
}
