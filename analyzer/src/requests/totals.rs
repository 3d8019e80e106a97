//! Requests of runs that keep totals only: their number and mean.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::group::blank;
use crate::query::NodeLedger;

/// Returns the nodes of requests: those of that name that are not within another one, or those without a
/// parent.
pub(super) fn request_nodes(ledger: &NodeLedger, name: Option<&str>) -> Vec<u32> {
    let mut within: HashMap<i64, bool> = HashMap::new();
    let mut found = Vec::new();
    // Parents come first.
    for node in &ledger.nodes {
        let is_inner = node
            .parent
            .is_some_and(|parent| within.get(&parent) == Some(&true));
        let is_named = match name {
            Some(name) => node.name.as_deref() == Some(name) || node.label == name,
            None => node.parent.is_none(),
        };
        if is_named && !is_inner {
            found.extend(u32::try_from(node.id));
        }
        within.insert(node.id, is_named || is_inner);
    }
    found
}

/// Energy of a request's node with all below it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SubtreeTotal {
    /// Active energy.
    pub(super) active_j: f64,
    /// Half of the interval of it, if its operations have intervals.
    pub(super) half_j: Option<f64>,
}

/// Sums the energies of each request's node with all below it.
pub(super) fn subtree_totals(ledger: &NodeLedger, roots: &[u32]) -> HashMap<u32, SubtreeTotal> {
    let mut root_of: HashMap<i64, u32> = HashMap::new();
    let mut totals: HashMap<u32, SubtreeTotal> = HashMap::new();
    for node in &ledger.nodes {
        let own = u32::try_from(node.id).ok().filter(|id| roots.contains(id));
        let Some(root) = own.or_else(|| root_of.get(&node.parent?).copied()) else {
            continue;
        };
        root_of.insert(node.id, root);
        let total = totals.entry(root).or_default();
        total.active_j += node.self_j;
        if let (Some(lo), Some(hi)) = node.interval_j() {
            // Errors of operations may go together.
            *total.half_j.get_or_insert(0.0) += (hi - lo) / 2.0;
        }
    }
    totals
}

/// Returns a row for each request's node, without percentiles.
pub(super) fn rows(ledger: &NodeLedger, roots: &[u32], total_j: Option<f64>) -> Vec<Value> {
    let totals = subtree_totals(ledger, roots);
    let row = |root: &u32| {
        let node = ledger.node(i64::from(*root))?;
        let total = totals.get(root)?;
        let per = |energy_j: f64| {
            let count = node.instances.filter(|count| *count > 0)?;
            Some(energy_j / count as f64)
        };
        let (mean_j, half_j) = (per(total.active_j), total.half_j.and_then(per));
        let ends = mean_j
            .zip(half_j)
            .map(|(mean, half)| ((mean - half).max(0.0), mean + half));
        let mut row = blank();
        let known = json!({
            "request": node.label,
            "count": node.instances,
            "energy_j": total.active_j,
            "share": total_j.filter(|total| *total > 0.0).map(|all| total.active_j / all),
            "mean_j": mean_j,
            "lo_j": ends.map(|(lo, _)| lo),
            "hi_j": ends.map(|(_, hi)| hi),
            "half_interval": total.half_j.map(|half| half / total.active_j)
                .filter(|half| half.is_finite()),
        });
        if let (Some(row), Value::Object(known)) = (row.as_object_mut(), known) {
            row.extend(known);
        }
        Some(row)
    };
    roots.iter().filter_map(row).collect()
}
