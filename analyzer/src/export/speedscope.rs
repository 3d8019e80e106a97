//! speedscope: stacks of the calling-context tree, weighed by active self energy in
//! microjoules and, as a second profile, by self time.

use std::collections::HashMap;
use std::io::Write;

use serde_json::{Value, json};

use super::folded::below_zero;
use super::source::NodeCost;
use super::{Format, Makes, Output, Source, Walked};
use crate::error::Result;
use crate::warn::warn;

/// The format.
pub(super) struct Speedscope;

impl Format for Speedscope {
    fn name(&self) -> &'static str {
        "speedscope"
    }

    fn about(&self) -> &'static str {
        "speedscope: stacks by energy and by time"
    }

    fn makes(&self) -> Makes {
        Makes::Json("speedscope.json")
    }

    fn write(&self, source: &Source<'_>, out: &mut Output<'_>) -> Result<Walked> {
        let costs = source.node_costs()?;
        let below: f64 = costs.iter().map(|cost| cost.self_j.min(0.0)).sum();
        if below < 0.0 {
            warn(&below_zero(below));
        }
        let figures = source.figures();
        let energy = format!("active energy in uJ ({figures})");
        let profiles = [
            profile(source, &costs, &energy, "none", |cost| cost.self_j * 1e6),
            profile(source, &costs, "self time", "nanoseconds", |cost| {
                cost.self_ns as f64
            }),
        ];
        let frames = costs.iter().map(|cost| frame(source, cost));
        let whole = json!({
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "shared": { "frames": frames.collect::<Vec<_>>() },
            "profiles": profiles,
            "name": source.name(),
            "activeProfileIndex": 0,
            "exporter": concat!("tracing-energy ", env!("CARGO_PKG_VERSION")),
        });
        serde_json::to_writer(&mut *out, &whole).map_err(std::io::Error::from)?;
        out.write_all(b"\n")?;
        Ok(Walked::default())
    }
}

fn frame(source: &Source<'_>, cost: &NodeCost<'_>) -> Value {
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

/// A stack for each node that weighs something; widths are inclusive in the viewer.
fn profile(
    source: &Source<'_>,
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
