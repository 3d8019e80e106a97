//! Call paths with the highest self energy.

use clap::Args;
use serde_json::json;

use super::scope::{LEDGER, ViewScope};
use crate::error::Result;
use crate::format::{Answer, Column, Sheet, basis};
use crate::query::{self, Node, NodeLedger, Recording, Run};

/// Options of the list of call paths.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct HotOptions {
    /// Part of the run.
    #[command(flatten)]
    pub scope: ViewScope,
    /// Maximum number of call paths (0 lists all)
    #[arg(long, value_name = "N", default_value_t = Self::default().limit)]
    pub limit: usize,
}

impl Default for HotOptions {
    fn default() -> Self {
        Self {
            scope: ViewScope::default(),
            limit: 20,
        }
    }
}

/// Lists the nodes with the highest ledger energy.
///
/// # Errors
/// If the file cannot be read, the run was not attributed, or a name of the scope is
/// unknown.
pub fn hot(recording: &Recording, run: &Run, options: &HotOptions) -> Result<Answer> {
    let (scope, limit) = (&options.scope, options.limit);
    let ledger = scope.ledger(recording, run)?;
    let total = ledger.energy_j();
    let mut nodes = ledger.hottest(usize::MAX);
    nodes.retain(|node| scope.wants(node.basis));
    let (all, limit) = (nodes.len(), if limit == 0 { usize::MAX } else { limit });
    nodes.truncate(limit);
    let bases = || nodes.iter().map(|node| node.basis);
    let legend = basis::legend(bases(), false);
    let rows: Vec<_> = nodes.iter().map(|node| row(&ledger, node, total)).collect();
    let what = format!("hottest call paths, self energy{}", scope.text());
    let sheet = Sheet::new("nodes", "", columns(), rows);
    let mut answer = query::run_answer("hot", &what, recording, run)?
        .with("energy_j", json!(total))
        .with("nodes_total", json!(all))
        .sheet(sheet)
        .note(LEDGER);
    if all > limit {
        answer = answer.note(format!("{} of {all} call paths: see --limit.", limit));
    }
    if let Some(legend) = legend.filter(|_| ledger.has_intervals()) {
        answer = answer.note(format!("± is half of the 90 % interval; {legend}."));
    }
    Ok(answer)
}

fn columns() -> Vec<Column> {
    vec![
        Column::path("node", "call path"),
        Column::energy("energy_j", "energy"),
        Column::percent("half_interval", "±").from_width(1),
        Column::interval("lo_j", "hi_j", "90 %").from_width(110),
        Column::percent("share", "share"),
        Column::count("instances", "count"),
        Column::energy("j_per_instance", "per call"),
        Column::time("self_ns", "self time").from_width(100),
        Column::power("avg_w", "power").from_width(100),
        Column::text("basis", "basis").from_width(120),
        Column::data("activations"),
        Column::data("j_per_activation"),
        Column::data("extrapolated_j"),
        Column::data("coverage"),
    ]
}

fn row(ledger: &NodeLedger, node: &Node, total: f64) -> serde_json::Value {
    let (lo_j, hi_j) = node.interval_j();
    let energy_j = node.energy_j();
    let whole_j = node.whole_j();
    let per = |count: i64, scale: f64| (count > 0).then(|| whole_j * scale / count as f64);
    json!({
        "node": ledger.path(node).join(" > "),
        "energy_j": energy_j,
        "extrapolated_j": whole_j - energy_j,
        "coverage": node.coverage(),
        "lo_j": lo_j,
        "hi_j": hi_j,
        "half_interval": lo_j.zip(hi_j).filter(|_| energy_j > 0.0)
            .map(|(lo, hi)| (hi - lo) / 2.0 / energy_j),
        "share": (total > 0.0).then(|| energy_j / total),
        "instances": node.instances,
        "j_per_instance": node.instances.and_then(|count| per(count, 1.0)),
        "activations": node.activations,
        "j_per_activation": per(node.activations, 1.0),
        "self_ns": node.self_ns,
        "avg_w": per(node.self_ns, 1e9),
        "basis": node.basis,
    })
}
