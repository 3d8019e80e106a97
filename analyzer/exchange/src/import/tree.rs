//! Sorts spans by start and assigns nodes.

use std::path::Path;

use energy_data::DEFAULT_ROLES;
use energy_data::rows::{CallsiteRow, NodeRow, Role};

mod nodes;

use super::anomaly::{Anomaly, invalid_input, push_anomaly};
use super::trace::{ImportedTrace, TraceSpan};
use crate::error::Result;

/// Callsites and nodes of a trace.
#[derive(Debug, Default)]
pub(super) struct NodeTree {
    pub(super) callsites: Vec<CallsiteRow>,
    pub(super) nodes: Vec<NodeRow>,
    /// Node of each span, in the order of the trace.
    pub(super) node_of: Vec<u32>,
    pub(super) anomalies: Vec<Anomaly>,
}

/// Sorts the spans of `trace` by start, enclosing ones first, and creates nodes for their
/// paths.
///
/// # Errors
/// Fails if a span is its own ancestor; the message includes the line.
pub(super) fn build(trace: &mut ImportedTrace, path: &Path) -> Result<NodeTree> {
    let depths = depths(&trace.spans).map_err(|line| {
        let message = format!("line {line}: the span is its own ancestor; correct its parent_id");
        invalid_input(path, message)
    })?;
    let mut anomalies = Vec::new();
    sort(trace, &depths);
    let early = trace.spans.iter().filter(|span| {
        let parent = span.parent.map(|parent| trace.spans[parent as usize]);
        parent.is_some_and(|parent| span.start_ns < parent.start_ns)
    });
    push_anomaly(
        &mut anomalies,
        ("before_parent", early.count()),
        "spans start before their parent; until the parent starts they count as roots",
    );
    let callsites = callsites(trace);
    let (nodes, node_of) = nodes::build(trace, &mut anomalies);
    Ok(NodeTree {
        callsites,
        nodes,
        node_of,
        anomalies,
    })
}

/// Returns the number of ancestors of each span, or the line of a span that is its own
/// ancestor.
fn depths(spans: &[TraceSpan]) -> std::result::Result<Vec<u32>, u64> {
    let mut depths: Vec<Option<u32>> = vec![None; spans.len()];
    let mut ancestors = Vec::new();
    for at in 0..spans.len() {
        let mut next = Some(at);
        let mut depth = 0;
        while let Some(span) = next {
            if let Some(known) = depths[span] {
                depth = known + 1;
                break;
            }
            ancestors.push(span);
            if ancestors.len() > spans.len() {
                return Err(spans[span].line);
            }
            next = spans[span].parent.map(|parent| parent as usize);
        }
        for span in ancestors.drain(..).rev() {
            depths[span] = Some(depth);
            depth += 1;
        }
    }
    Ok(depths.into_iter().map(Option::unwrap_or_default).collect())
}

/// Sorts by start; of those with the same start the outer ones come first.
fn sort(trace: &mut ImportedTrace, depths: &[u32]) {
    let spans = &trace.spans;
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
    let mut place: Vec<u32> = vec![0; spans.len()];
    for (new, &old) in (0..).zip(&order) {
        place[old as usize] = new;
    }
    let sorted = order.iter().map(|&old| {
        let span = spans[old as usize];
        let parent = span.parent.map(|parent| place[parent as usize]);
        TraceSpan { parent, ..span }
    });
    trace.spans = sorted.collect();
    for span_event in &mut trace.span_events {
        span_event.span = span_event.span.map(|span| place[span as usize]);
    }
}

/// Returns a callsite for each kind.
fn callsites(trace: &ImportedTrace) -> Vec<CallsiteRow> {
    let role = |name: &str| {
        let known = DEFAULT_ROLES.iter().find(|(known, _)| *known == name);
        known.and_then(|(_, role)| Role::from_name(role))
    };
    (1..)
        .zip(&trace.kinds)
        .map(|(id, kind)| CallsiteRow {
            id,
            name: kind.name.clone(),
            target: kind.target.clone(),
            level: "INFO".to_owned(),
            file: kind.file.clone(),
            line: kind.line,
            domain: kind.domain,
            role: role(&kind.name),
        })
        .collect()
}
