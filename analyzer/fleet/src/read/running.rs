//! Accounts of a run that is being recorded: sums over its samples.
//!
//! The totals of a run are written when it ends; until then the file has the accounts of each sample.
//! Only samples after those of the last bucket are read. Which operations the energy of spans belongs
//! to is known at the end: until then it is that of one operation, which the last bucket counts back.

use rusqlite::Row;

use super::accounts::{RailAccounts, SPANS_AT};
use super::current::CurrentTotals;
use super::rails::rails;
use super::sums::RailSums;
use crate::cumulative::{
    AccountKey, Cumulative, KindKey, NodeFacts, NodeKey, RailFacts, TotalEntry,
};
use crate::error::Result;
use crate::query::{Recording, Run};

/// Operation of all spans while a run is being recorded.
const RUNNING: &str = "(running)";

/// Reads the totals of a run that is being recorded, given the sums at the end of its last bucket.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn running_totals(
    recording: &Recording,
    run: &Run,
    earlier: &[RailSums],
    with_nodes: bool,
) -> Result<CurrentTotals> {
    let rails = rails(recording, run)?;
    let mut totals = CurrentTotals::default();
    if with_nodes {
        totals.cumulative.node_facts.push(running_node());
    }
    for (id, rail) in &rails {
        let earlier = earlier.iter().find(|sums| sums.rail == *id);
        let sums = read(recording, run, *id, earlier)?;
        if let Some(sums) = sums {
            add(&mut totals, rail, &sums);
            totals.sums.push(sums);
        }
    }
    totals.accounted_ns = totals.sums.iter().map(|sums| sums.until_ns).min();
    totals.cumulative.rails = rails.into_values().collect();
    totals.cumulative.rails.sort_by(|a, b| a.rail.cmp(&b.rail));
    Ok(totals)
}

/// Adds the samples of a rail that follow `earlier`; `None` if there is no sample at all.
fn read(
    recording: &Recording,
    run: &Run,
    rail: i64,
    earlier: Option<&RailSums>,
) -> Result<Option<RailSums>> {
    let sql = "
        SELECT max(end_ns), sum(end_ns - start_ns), sum(measured_j), sum(idle_j), sum(spans_j),
               sum(unattributed_j), sum(other_processes_j), sum(profiler_j), sum(residual_j),
               sum(unknown_j)
        FROM sample_balance
        WHERE run = ?1 AND attribution = ?2 AND start_ns >= ?3 AND rail = ?4";
    let from_ns = earlier.map_or(i64::MIN, |earlier| earlier.until_ns);
    let mut statement = recording.connection().prepare_cached(sql)?;
    let bounds = (run.no, run.attribution, from_ns, rail);
    let newer = statement.query_row(bounds, |r| sums(r, rail))?;
    Ok(match (earlier, newer) {
        (None, newer) => newer,
        (Some(earlier), None) => Some(earlier.clone()),
        (Some(earlier), Some(newer)) => Some(earlier.plus(&newer)),
    })
}

fn sums(r: &Row<'_>, rail: i64) -> rusqlite::Result<Option<RailSums>> {
    let Some(until_ns) = r.get(0)? else {
        return Ok(None);
    };
    let mut parts_j = [None; 7];
    for (at, part) in parts_j.iter_mut().enumerate() {
        *part = r.get(3 + at)?;
    }
    Ok(Some(RailSums {
        rail,
        until_ns,
        covered_ns: r.get(1)?,
        measured_j: r.get(2)?,
        parts_j,
    }))
}

fn add(totals: &mut CurrentTotals, rail: &RailFacts, sums: &RailSums) {
    let accounts = RailAccounts {
        duration_ns: Some(sums.until_ns),
        covered_ns: Some(sums.covered_ns),
        measured_j: Some(sums.measured_j),
        parts_j: sums.parts_j,
        extrapolated_j: None,
    };
    let Some(values) = accounts.rounded() else {
        let why = "its samples do not sum, or are no numbers";
        totals.refused.push(format!("rail {}: {why}", rail.rail));
        return;
    };
    add_values(&mut totals.cumulative, rail, values);
}

/// Returns the call path of all spans while a run is being recorded; others begin with 1.
fn running_node() -> NodeFacts {
    NodeFacts {
        node: 0,
        parent: None,
        label: RUNNING.to_owned(),
        kind: Some(RUNNING.to_owned()),
        role: None,
        depth: 0,
    }
}

fn add_values(all: &mut Cumulative, rail: &RailFacts, values: Vec<Option<i64>>) {
    let key = KindKey {
        rail: rail.rail.clone(),
        kind: RUNNING.to_owned(),
        role: None,
    };
    let spans = vec![values[SPANS_AT], None, None, None, None, None];
    if !all.node_facts.is_empty() {
        let key = NodeKey {
            rail: rail.rail.clone(),
            node: 0,
        };
        all.nodes.push(entry(key, spans.clone()));
    }
    all.kinds.push(entry(key, spans));
    let key = AccountKey {
        rail: rail.rail.clone(),
    };
    all.accounts.push(entry(key, values));
}

fn entry<K>(key: K, values: Vec<Option<i64>>) -> TotalEntry<K> {
    TotalEntry {
        key,
        values,
        basis: None,
        interval: (None, None),
    }
}
