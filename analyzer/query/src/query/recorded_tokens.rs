//! The number of tokens that the file contains.

use super::{DECODE, Node, NodeLedger, Recording, Run, ledger};
use crate::error::Result;

/// Returns the number of tokens that decode has recorded, also of a run that did not report how many
/// it generated. `None` without tokens, or if only totals were kept.
///
/// # Errors
/// If the file cannot be read.
pub fn recorded_tokens(recording: &Recording, run: &Run) -> Result<Option<i64>> {
    match run.attribution {
        Some(_) => Ok(tokens_of(&ledger(recording, run, None)?)),
        None => Ok(None),
    }
}

fn tokens_of(ledger: &NodeLedger) -> Option<i64> {
    let is_token = |node: &Node| node.role.as_deref() == Some("token");
    let is_decode = |node: &Node| node.role.as_deref() == Some("phase") && node.label == DECODE;
    let is_counted = |node: &&Node| {
        let path = ledger.down_to(node);
        let tokens = path.iter().filter(|node| is_token(node)).count();
        is_token(node) && tokens == 1 && path.iter().any(|node| is_decode(node))
    };
    let counted = ledger.nodes.iter().filter(is_counted);
    let counts: Option<Vec<i64>> = counted.map(|node| node.instances).collect();
    let sum = counts.map(|counts| counts.iter().sum::<i64>());
    sum.filter(|count| *count > 0)
}
