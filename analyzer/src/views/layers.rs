//! Energy of each layer, total and by component.

use std::collections::BTreeMap;

use serde_json::json;

use super::scope::{LEDGER, ViewScope};
use crate::error::Result;
use crate::format::{Answer, Column, Sheet};
use crate::query::{self, NodeGroup, NodeLedger, Recording, Run};

/// Lists the layers in the order of the model, with the energies of their components.
///
/// # Errors
/// If the file cannot be read, the run was not attributed, a name of the scope is
/// unknown, or no span has the role layer.
pub fn layers(recording: &Recording, run: &Run, scope: &ViewScope) -> Result<Answer> {
    let ledger = scope.ledger(recording, run)?;
    let mut layers = query::layers(&ledger);
    if ledger.nodes.is_empty() {
        return Err(run.without_spans());
    }
    if layers.is_empty() {
        let next = "list its operations with `energy ops`";
        return Err(run.missing("no span has the role `layer`", next));
    }
    layers.retain(|layer| scope.wants(layer.basis));
    let parts = components(&ledger);
    let rows: Vec<_> = layers.iter().map(|layer| row(layer, &parts)).collect();
    let what = format!("layers{}", scope.text());
    let answer = query::run_answer("layers", &what, recording, run)?;
    Ok(answer
        .with("energy_j", json!(ledger.energy_j()))
        .sheet(Sheet::new("layers", "", columns(), rows))
        .note(LEDGER)
        .note("Energies of layers are sums over several operations, so they have no interval."))
}

fn columns() -> Vec<Column> {
    vec![
        Column::text("layer", "layer"),
        Column::energy("energy_j", "energy"),
        Column::percent("share", "share"),
        Column::count("instances", "count"),
        Column::energy("j_per_instance", "per call"),
        Column::time("busy_ns", "busy"),
        Column::power("avg_w", "power"),
        Column::energy("attention_j", "attention").from_width(100),
        Column::energy("mlp_j", "mlp").from_width(100),
        Column::text("basis", "basis").from_width(120),
        Column::data("activations"),
        Column::data("j_per_activation"),
        Column::data("extrapolated_j"),
        Column::data("coverage"),
    ]
}

/// Energies by layer and component.
type Parts = BTreeMap<(String, String), f64>;

fn components(ledger: &NodeLedger) -> Parts {
    let mut parts = Parts::new();
    for node in &ledger.nodes {
        let of = |id: Option<i64>| id.and_then(|id| ledger.node(id));
        if let Some((layer, component)) = of(node.layer).zip(of(node.component)) {
            let name = component.name.as_ref().unwrap_or(&component.label);
            let key = (layer.label.clone(), name.clone());
            *parts.entry(key).or_default() += node.energy_j();
        }
    }
    parts
}

fn row(layer: &NodeGroup, parts: &Parts) -> serde_json::Value {
    let of = |name: &str| parts.get(&(layer.name.clone(), name.to_owned()));
    let own: BTreeMap<&str, f64> = parts
        .iter()
        .filter(|((of, _), _)| *of == layer.name)
        .map(|((_, component), energy)| (component.as_str(), *energy))
        .collect();
    json!({
        "layer": layer.name,
        "energy_j": layer.energy_j,
        "extrapolated_j": layer.extrapolated_j,
        "coverage": layer.coverage,
        "share": layer.share,
        "instances": layer.instances,
        "j_per_instance": layer.j_per_instance,
        "activations": layer.activations,
        "j_per_activation": layer.j_per_activation,
        "busy_ns": layer.busy_ns,
        "avg_w": layer.avg_w,
        "attention_j": of("attention"),
        "mlp_j": of("mlp"),
        "components_j": own,
        "basis": layer.basis,
    })
}
