//! Kinds of spans in a summary, and groups of kinds that can only be estimated jointly.

use energy_data::BasisSet;
use serde::Serialize;

use crate::error::Result;
use crate::query::{self, GroupBy, Recording, Run, Share};
use crate::views::ViewScope;

/// All kinds of a run, on root rails.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KindTable {
    /// All kinds, highest energy first.
    pub kinds: Vec<KindEnergy>,
    /// Groups of kinds that samples cannot distinguish, highest energy first.
    pub groups: Vec<KindGroup>,
    /// Rows to show, highest energy first: groups whose sum has an interval, and all other
    /// kinds individually.
    pub apart: Vec<Share>,
}

/// Active self energy of one kind in the sampled part of its time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindEnergy {
    /// Name.
    pub kind: String,
    /// Energy, same as in `energy ops`.
    pub energy_j: f64,
    /// Lower end of its 90 % interval.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
    /// Estimate for its time without samples, not part of `energy_j`.
    pub extrapolated_j: f64,
    /// Basis of its energy.
    pub basis: Option<BasisSet>,
    /// Number of its group; `None` if it is estimated individually.
    pub group: Option<usize>,
}

/// Kinds whose sum is estimated better than its parts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindGroup {
    /// Number in this summary, from 1. Numbers in the file are per rail.
    pub group: usize,
    /// Names of its kinds.
    pub kinds: Vec<String>,
    /// Energy.
    pub energy_j: f64,
    /// Lower end of the 90 % interval of the sum; `None` if the group differs between
    /// rails.
    pub lo_j: Option<f64>,
    /// Upper end.
    pub hi_j: Option<f64>,
}

impl KindTable {
    /// Reads the kinds.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn read(recording: &Recording, run: &Run, scope: &ViewScope) -> Result<Self> {
        let (rail, phase) = (scope.rail.as_deref(), scope.phase.as_deref());
        let shares = |groups| -> Result<Vec<Share>> {
            let mut shares =
                query::shares_within(recording, run, rail, phase, GroupBy::Kind, groups)?;
            shares.retain(|share| scope.wants(share.basis));
            Ok(shares)
        };
        let apart = shares(true)?;
        let has_groups = apart.iter().any(|share| share.kinds.len() > 1);
        let single = match has_groups {
            true => shares(false)?,
            false => apart.clone(),
        };
        let several = apart.iter().filter(|share| share.kinds.len() > 1);
        let groups: Vec<KindGroup> = several.enumerate().map(group).collect();
        let group_of = |kind: &String| groups.iter().find(|group| group.kinds.contains(kind));
        let kinds = single.iter().map(|share| KindEnergy {
            group: group_of(&share.name).map(|group| group.group),
            kind: share.name.clone(),
            energy_j: share.energy_j,
            lo_j: share.lo_j,
            hi_j: share.hi_j,
            extrapolated_j: share.extrapolated_j,
            basis: share.basis,
        });
        Ok(Self {
            kinds: kinds.collect(),
            apart: without_unknown_groups(apart, &single),
            groups,
        })
    }

    /// Returns whether any kind has an interval.
    pub fn has_intervals(&self) -> bool {
        let known = |share: &Share| share.lo_j.or(share.hi_j).is_some();
        let kinds = self.kinds.iter();
        self.apart.iter().any(known) || kinds.into_iter().any(|kind| kind.lo_j.is_some())
    }

    /// Returns the number of the group that a share equals or belongs to.
    pub(super) fn number(&self, share: &Share) -> Option<usize> {
        let same = |group: &&KindGroup| share.kinds.iter().all(|kind| group.kinds.contains(kind));
        self.groups.iter().find(same).map(|group| group.group)
    }
}

/// Replaces groups without an interval (because they differ between rails) by their kinds.
fn without_unknown_groups(apart: Vec<Share>, single: &[Share]) -> Vec<Share> {
    let is_known = |share: &Share| share.kinds.len() < 2 || share.lo_j.or(share.hi_j).is_some();
    let (mut shown, unknown): (Vec<_>, Vec<_>) = apart.into_iter().partition(is_known);
    let within = |share: &&Share| unknown.iter().any(|set| set.kinds.contains(&share.name));
    shown.extend(single.iter().filter(within).cloned());
    shown.sort_by(|a, b| b.energy_j.total_cmp(&a.energy_j));
    shown
}

fn group((at, share): (usize, &Share)) -> KindGroup {
    KindGroup {
        group: at + 1,
        kinds: share.kinds.clone(),
        energy_j: share.energy_j,
        lo_j: share.lo_j,
        hi_j: share.hi_j,
    }
}
