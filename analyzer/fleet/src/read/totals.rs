//! Reads all totals of a run in one state of the file.

use super::accounts::{RailAccounts, SPANS_AT, accounts};
use super::current::CurrentTotals;
use super::nodes::{
    KindIntervals, NodeEnergy, intervals, kinds, node_energies, node_facts, requests,
};
use super::phases::phases;
use super::rails::rails;
use crate::cumulative::{AccountKey, Cumulative, NodeKey, RailFacts, TotalEntry};
use crate::error::Result;
use crate::nanojoules::{apportion, is_sum};
use crate::query::{Recording, Run};

/// Reads the totals; of a run that is being recorded, those that its recorder wrote last. Rails are
/// refused if their energies are no numbers or do not balance: their energies are unknown.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn totals(recording: &Recording, run: &Run, with_nodes: bool) -> Result<CurrentTotals> {
    // One state of the file: a recorder may write to it.
    let _state = recording.connection().unchecked_transaction()?;
    let rails = rails(recording, run)?;
    let accounts = accounts(recording, run)?;
    let mut nodes = node_energies(recording, run)?;
    let intervals = intervals(recording, run)?;
    let mut all = CurrentTotals {
        cumulative: Cumulative {
            phases: phases(recording, run, &rails)?,
            requests: requests(recording, run)?,
            ..Cumulative::default()
        },
        refused: Vec::new(),
        accounted_ns: accounted_ns(accounts.values().filter_map(|one| one.duration_ns)),
    };
    if with_nodes {
        all.cumulative.node_facts = node_facts(recording, run)?;
    }
    for (id, rail) in &rails {
        let nodes = nodes.remove(id).unwrap_or_default();
        let Some(account) = accounts.get(id) else {
            continue;
        };
        match rounded(account, &nodes) {
            Ok((values, self_nj)) => {
                all.add(rail, values, (&nodes, &self_nj), with_nodes);
                all.add_intervals(*id, rail, &intervals);
            }
            Err(why) => all.refused.push(format!("rail {}: {why}", rail.rail)),
        }
    }
    all.cumulative.rails = rails.into_values().collect();
    all.cumulative.rails.sort_by(|a, b| a.rail.cmp(&b.rail));
    Ok(all)
}

/// Time by which a rail is behind the newest one if it has no samples any more.
const SILENT_NS: i64 = 120_000_000_000;

/// Returns the time up to which all rails with samples have accounts. A rail without samples does not
/// stop the others: what it measures later is in a later bucket.
fn accounted_ns(durations: impl Iterator<Item = i64> + Clone) -> Option<i64> {
    let newest_ns = durations.clone().max()?;
    durations
        .filter(|ns| newest_ns.saturating_sub(*ns) <= SILENT_NS)
        .min()
}

/// Rounded values of an account, and self energies of its call paths.
type Rounded = (Vec<Option<i64>>, Vec<i64>);

fn rounded(account: &RailAccounts, nodes: &[NodeEnergy]) -> std::result::Result<Rounded, String> {
    let values = account.rounded().ok_or(
        "its accounts are not known: they are no numbers, or do not sum to the measured energy",
    )?;
    let self_j: Vec<f64> = nodes.iter().map(|node| node.self_j).collect();
    let spans_j = account.spans_j().unwrap_or(0.0);
    if !is_sum(spans_j, self_j.iter().copied()) {
        return Err("its call paths do not sum to the account of spans".to_owned());
    }
    let spans_nj = values[SPANS_AT].unwrap_or(0);
    let self_nj = apportion(spans_nj, &self_j);
    let self_nj = self_nj.ok_or("an energy of a call path is no number")?;
    Ok((values, self_nj))
}

impl CurrentTotals {
    fn add(
        &mut self,
        rail: &RailFacts,
        values: Vec<Option<i64>>,
        (nodes, self_nj): (&[NodeEnergy], &[i64]),
        with_nodes: bool,
    ) {
        let (rail, all) = (&rail.rail, &mut self.cumulative);
        all.accounts.push(TotalEntry {
            key: AccountKey { rail: rail.clone() },
            values,
            basis: None,
            interval: (None, None),
        });
        all.kinds.extend(kinds(rail, nodes, self_nj));
        if with_nodes {
            let entry = |(node, self_nj): (&NodeEnergy, &i64)| TotalEntry {
                key: NodeKey {
                    rail: rail.clone(),
                    node: node.node,
                },
                values: node.values(*self_nj),
                basis: node.basis.clone(),
                interval: (None, None),
            };
            all.nodes.extend(nodes.iter().zip(self_nj).map(entry));
        }
    }

    fn add_intervals(&mut self, id: i64, rail: &RailFacts, intervals: &KindIntervals) {
        let of_rail = |entry: &&mut TotalEntry<_>| {
            let key: &crate::cumulative::KindKey = &entry.key;
            key.rail == rail.rail
        };
        for entry in self.cumulative.kinds.iter_mut().filter(of_rail) {
            let found = intervals.get(&(id, entry.key.kind.clone()));
            entry.interval = found.copied().unwrap_or_default();
        }
    }
}
