//! Totals of a rail: sums over its windows, without negative parts.
//!
//! ```text
//! windows    active +3 -1 +2 -1 J      signed: noise may be below idle power
//! node a          +2 -1  0  0    1 J
//! node b          +1  0 +2 -1    2 J     sums: noise cancels
//! rail            3 J
//! ```
//!
//! A sum that is still negative is noise, too. It becomes zero, and the positive parts are
//! scaled down so that the rail's sum is unchanged. A rail with a negative sum has no active
//! energy; the deficit is `residual`.
//!
//! If idle power turned out not to be that of the run, idle energy is added back: then all
//! measured energy is split.

use energy_data::rows::Accounts;

use crate::conserve;
use crate::ledger::rail_account::RailAccount;
use crate::windows::rail::RailInfo;

/// Totals of one rail.
#[derive(Debug)]
pub(crate) struct ShownTotals {
    pub(crate) accounts: Accounts,
    /// Self energy by node.
    pub(crate) nodes: Vec<f64>,
    /// Whether idle power was refuted.
    pub(crate) is_idle_refuted: bool,
}

impl ShownTotals {
    /// Returns the reported totals of a rail.
    pub(crate) fn of(account: &RailAccount, rail: &RailInfo) -> Self {
        let sums = &account.sums;
        let is_idle_refuted = account.is_idle_refuted(rail);
        let mut accounts = sums.accounts;
        let mut nodes: Vec<f64> = sums.nodes.iter().map(|node| node.self_j).collect();
        if is_idle_refuted {
            add(&mut accounts, &sums.in_idle);
            accounts.idle_j = None;
            for (energy, node) in nodes.iter_mut().zip(&sums.nodes) {
                *energy += node.in_idle_j;
            }
        }
        let spans_j = accounts.spans_j;
        let mut parts = [
            Some(accounts.spans_j),
            accounts.unattributed_j,
            accounts.other_processes_j,
            accounts.profiler_j,
            accounts.unknown_j,
        ];
        without_negatives(parts.iter_mut().flatten());
        let [
            spans,
            unattributed_j,
            other_processes_j,
            profiler_j,
            unknown_j,
        ] = parts;
        accounts.spans_j = spans.unwrap_or(0.0);
        (accounts.unattributed_j, accounts.other_processes_j) = (unattributed_j, other_processes_j);
        (accounts.profiler_j, accounts.unknown_j) = (profiler_j, unknown_j);
        without_negatives(nodes.iter_mut());
        rescale(&mut nodes, spans_j, accounts.spans_j);
        accounts.residual_j = conserve::remainder_j(&accounts);
        Self {
            accounts,
            nodes,
            is_idle_refuted,
        }
    }
}

/// Adds the part of idle energy that belongs to each account.
fn add(accounts: &mut Accounts, in_idle: &Accounts) {
    accounts.spans_j += in_idle.spans_j;
    let sum = |own: &mut Option<f64>, more: Option<f64>| {
        *own = own.map(|energy| energy + more.unwrap_or(0.0));
    };
    sum(&mut accounts.unattributed_j, in_idle.unattributed_j);
    sum(&mut accounts.other_processes_j, in_idle.other_processes_j);
    sum(&mut accounts.profiler_j, in_idle.profiler_j);
    sum(&mut accounts.unknown_j, in_idle.unknown_j);
}

/// Sets negative parts to zero and scales the positive ones to keep the sum. All parts become
/// zero if their sum is negative.
fn without_negatives<'a>(parts: impl Iterator<Item = &'a mut f64>) {
    let mut parts: Vec<&mut f64> = parts.collect();
    let (mut above, mut below) = (0.0, 0.0);
    for part in &parts {
        above += part.max(0.0);
        below += part.min(0.0);
    }
    if below < 0.0 {
        let scale = ((above + below) / above).max(0.0);
        let scale = if scale.is_finite() { scale } else { 0.0 };
        parts
            .iter_mut()
            .for_each(|part| **part = part.max(0.0) * scale);
    }
}

/// Scales parts that sum to `from` to a sum of `to`.
fn rescale(parts: &mut [f64], from: f64, to: f64) {
    if from != to {
        let scale = if from > 0.0 { to / from } else { 0.0 };
        parts.iter_mut().for_each(|part| *part *= scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_parts_are_subtracted_from_positive_ones() {
        let floored = |mut parts: Vec<f64>| {
            without_negatives(parts.iter_mut());
            parts
        };
        assert_eq!(floored(vec![3.0, -1.0, 1.0]), [2.25, 0.0, 0.75]);
        assert_eq!(floored(vec![1.0, -3.0]), [0.0, 0.0]);
        assert_eq!(floored(vec![2.0, 0.0]), [2.0, 0.0]);
        assert_eq!(floored(vec![-0.5]), [0.0]);
        assert_eq!(floored(Vec::new()), Vec::<f64>::new());
    }
}
