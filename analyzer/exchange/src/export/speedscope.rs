//! speedscope: stacks of the calling-context tree, weighted by active self energy in
//! microjoules and, as a second profile, by self time.

use std::collections::HashMap;
use std::io::Write;

use serde_json::{Value, json};

use super::folded::negative_energy_warning;
use super::format::{ExportFormat, FormatOutput};
use super::output::ExportWriter;
use super::source::{ExportSource, NodeCost};
use crate::error::Result;
use crate::walk::WalkStats;

/// The speedscope format.
pub(super) struct Speedscope;

impl ExportFormat for Speedscope {
    fn name(&self) -> &'static str {
        "speedscope"
    }

    fn about(&self) -> &'static str {
        "speedscope: stacks by energy and by time"
    }

    fn output(&self) -> FormatOutput {
        FormatOutput::Json("speedscope.json")
    }

    fn write(&self, source: &ExportSource<'_>, out: &mut ExportWriter<'_>) -> Result<WalkStats> {
        let costs = source.node_costs()?;
        let negative_j: f64 = costs.iter().map(|cost| cost.self_j.min(0.0)).sum();
        if negative_j < 0.0 {
            out.warn(negative_energy_warning(negative_j));
        }
        let figures = source.provenance();
        let energy = format!("active energy in uJ ({figures})");
        let profiles = [
            profile(source, &costs, &energy, "none", |cost| cost.self_j * 1e6),
            profile(source, &costs, "self time", "nanoseconds", |cost| {
                cost.self_ns as f64
            }),
        ];
        let frames = costs.iter().map(|cost| frame(source, cost));
        let document = json!({
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "shared": { "frames": frames.collect::<Vec<_>>() },
            "profiles": profiles,
            "name": source.name(),
            "activeProfileIndex": 0,
            "exporter": concat!("tracing-energy ", env!("CARGO_PKG_VERSION")),
        });
        serde_json::to_writer(&mut *out, &document).map_err(std::io::Error::from)?;
        out.write_all(b"\n")?;
        Ok(WalkStats::default())
    }
}

fn frame(source: &ExportSource<'_>, cost: &NodeCost<'_>) -> Value {
    let callsite = source.callsite(cost.node.id);
    let mut frame = json!({ "name": cost.node.label });
    if let Some(file) = callsite.and_then(|callsite| callsite.file.as_ref()) {
        frame["file"] = json!(file);
    }
    if let Some(line) = callsite.and_then(|callsite| callsite.line) {
        frame["line"] = json!(line);
    }
    frame
}

/// Builds a profile with a stack for each node of positive weight; the viewer shows inclusive
/// widths.
fn profile(
    source: &ExportSource<'_>,
    costs: &[NodeCost<'_>],
    name: &str,
    unit: &str,
    weight: impl Fn(&NodeCost<'_>) -> f64,
) -> Value {
    let places: HashMap<i64, usize> = (0..)
        .zip(costs)
        .map(|(at, cost)| (cost.node.id, at))
        .collect();
    let (mut stacks, mut weights) = (Vec::new(), Vec::new());
    for cost in costs {
        let weight = weight(cost);
        if weight > 0.0 {
            let nodes = source.ledger.down_to(cost.node);
            let stack = nodes.iter().filter_map(|node| places.get(&node.id));
            stacks.push(stack.copied().collect::<Vec<_>>());
            weights.push(weight);
        }
    }
    json!({
        "type": "sampled",
        "name": name,
        "unit": unit,
        "startValue": 0,
        "endValue": weights.iter().sum::<f64>(),
        "samples": stacks,
        "weights": weights,
    })
}
