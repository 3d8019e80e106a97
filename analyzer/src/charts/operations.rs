//! Chart: the operations of one token.

use std::collections::BTreeMap;

use serde::Serialize;

use super::part::OWN;
use super::token_parts::{PartSum, TokenParts};
use super::token_spans::token_spans;
use crate::error::Result;
use crate::query::{self, Node, NodeLedger, Recording, Run};

/// All activations of one operation in a component of a layer, while one token was generated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokenOperation {
    /// Layer, or `(remainder)`.
    pub layer: String,
    /// Component, or `(remainder)`.
    pub component: String,
    /// Operation, or `(own)` for the work of the component itself.
    pub operation: String,
    /// Number of activations.
    pub count: u64,
    /// Self time.
    pub duration_ns: i64,
    /// Active energy; `None` if that of an activation is unknown.
    pub energy_j: Option<f64>,
}

/// Reads the operations of the token with this index in the order of time, highest energy first.
///
/// # Errors
/// If the file cannot be read, the run is not attributed, or has no such token.
pub fn token_operations(
    recording: &Recording,
    run: &Run,
    token: usize,
) -> Result<Vec<TokenOperation>> {
    let tokens = token_spans(recording, run)?;
    let Some(own) = tokens.get(token..=token) else {
        let text = format!("it has no token {token}");
        return Err(run.missing(&text, &format!("it has tokens 0 to {}", tokens.len() - 1)));
    };
    let ledger = query::ledger(recording, run, None)?;
    let mut parts = TokenParts::new(&ledger, own);
    parts.walk(recording, run)?;
    let mut operations = operations_of(&ledger, &parts, 0);
    operations.sort_by(|a, b| {
        let joules = |one: &TokenOperation| one.energy_j.unwrap_or(f64::NEG_INFINITY);
        joules(b).total_cmp(&joules(a))
    });
    Ok(operations)
}

/// Returns the operations of one of the tokens, in the order of the model.
pub fn operations_of(
    ledger: &NodeLedger,
    parts: &TokenParts<'_>,
    token: usize,
) -> Vec<TokenOperation> {
    let mut order: Vec<(usize, usize, String)> = Vec::new();
    let mut sums: BTreeMap<(usize, usize, String), PartSum> = BTreeMap::new();
    for (node, sum) in parts.of_token(token) {
        let Some((layer, component)) = parts.place(node) else {
            continue;
        };
        let operation = operation(ledger, node);
        let key = (layer, component, operation);
        match sums.get_mut(&key) {
            Some(known) => known.add(&sum),
            None => {
                order.push(key.clone());
                sums.insert(key, sum);
            }
        }
    }
    let of = |key: (usize, usize, String)| {
        let sum = sums.get(&key)?;
        Some(TokenOperation {
            layer: parts.axes.layers.get(key.0)?.clone(),
            component: parts.axes.components.get(key.1)?.clone(),
            operation: key.2,
            count: sum.count,
            duration_ns: sum.self_ns,
            energy_j: sum.energy_j,
        })
    };
    order.into_iter().filter_map(of).collect()
}

/// Returns the name of the topmost operation that contains a node, or of the section that is no
/// part of a layer.
fn operation(ledger: &NodeLedger, node: i64) -> String {
    let name = |node: &Node| node.name.clone().unwrap_or_else(|| node.label.clone());
    let mut found = None;
    let mut at = ledger.node(node);
    while let Some(node) = at {
        match node.role.as_deref() {
            Some("op") => found = Some(name(node)),
            Some("section") if found.is_none() && node.layer.is_none() => found = Some(name(node)),
            Some("token") => break,
            _ => {}
        }
        at = node.parent.and_then(|id| ledger.node(id));
    }
    found.unwrap_or_else(|| OWN.to_owned())
}
