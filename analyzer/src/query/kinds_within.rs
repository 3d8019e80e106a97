//! What did each kind of work cost in one phase?
//!
//! Kinds are estimated over a whole run. One that occurs in this phase only is as it
//! was estimated; of one that occurs in others, too, the nodes in this phase are added
//! up, and their sum has no interval.

use std::collections::HashSet;

use super::kinds::added;
use super::{By, Recording, Run, Share, ledger, shares};
use crate::error::Result;

/// As [`shares`], of phases of that name only where there is one.
///
/// # Errors
/// When the file cannot be read, or the run has no such rail or phase.
pub fn shares_within(
    recording: &Recording,
    run: &Run,
    rail: Option<&str>,
    phase: Option<&str>,
    by: By,
    groups: bool,
) -> Result<Vec<Share>> {
    if phase.is_none() {
        return shares(recording, run, rail, by, groups);
    }
    let all = ledger(recording, run, rail)?;
    let within = all.clone().within(phase)?;
    let nodes = added(recording, run, &within, by)?;
    if by != By::Kind {
        return Ok(sorted(nodes));
    }
    let mut outside = all;
    outside.retain(|node| within.node(node.id).is_none());
    let outside = added(recording, run, &outside, by)?;
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
