//! Energies of kinds within one phase.
//!
//! Kinds are estimated over a whole run. A kind that only occurs in this phase keeps its
//! estimate. For a kind that also occurs in other phases, its nodes in this phase are
//! summed, and the sum has no interval.

use std::collections::HashSet;

use super::kinds::node_sums;
use super::{GroupBy, Recording, Run, Share, ledger, shares};
use crate::error::Result;

/// Like [`shares`], restricted to phases of that name if given.
///
/// # Errors
/// If the file cannot be read, or the run has no such rail or phase.
pub fn shares_within(
    recording: &Recording,
    run: &Run,
    rail: Option<&str>,
    phase: Option<&str>,
    by: GroupBy,
    groups: bool,
) -> Result<Vec<Share>> {
    if phase.is_none() {
        return shares(recording, run, rail, by, groups);
    }
    let all = ledger(recording, run, rail)?;
    let within = all.clone().within(phase)?;
    let nodes = node_sums(recording, run, &within, by)?;
    if by != GroupBy::Kind {
        return Ok(sorted(nodes));
    }
    let mut outside = all;
    outside.retain(|node| within.node(node.id).is_none());
    let outside = node_sums(recording, run, &outside, by)?;
    let outside: HashSet<&str> = outside.iter().map(|share| share.name.as_str()).collect();
    let inside: HashSet<&str> = nodes.iter().map(|share| share.name.as_str()).collect();
    let is_whole =
        |kind: &String| inside.contains(kind.as_str()) && !outside.contains(kind.as_str());
    let mut kept = shares(recording, run, rail, by, groups)?;
    kept.retain(|share| share.kinds.iter().all(is_whole));
    let known: HashSet<String> = kept.iter().flat_map(|share| share.kinds.clone()).collect();
    kept.extend(
        nodes
            .into_iter()
            .filter(|share| !known.contains(&share.name)),
    );
    Ok(sorted(kept))
}

fn sorted(mut shares: Vec<Share>) -> Vec<Share> {
    shares.sort_by(|a, b| b.energy_j.total_cmp(&a.energy_j));
    shares
}
