//! Sums the buckets of a run.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::PulledFacts;
use super::select::RunPacks;
use crate::columns::{ACCOUNTS, FleetTable, KINDS, NODES, PACKS, PHASES, RAILS, RUNS};
use crate::compact::{PackKey, object_of, sha256_in, table_in};
use crate::destination::Destination;
use crate::encode::{Cell, decode};
use crate::error::{Error, Result};
use energy_query::checksum::sha256_of;

/// A run with the sums of its buckets.
#[derive(Debug, Clone, Default)]
pub(super) struct PulledRun {
    pub(super) facts: PulledFacts,
    pub(super) attribution: i64,
    pub(super) method: Option<String>,
    pub(super) is_complete: bool,
    /// End, run time.
    pub(super) end_ns: i64,
    pub(super) input_tokens: Option<i64>,
    pub(super) output_tokens: Option<i64>,
    /// Rows of rails of the last bucket.
    pub(super) rails: Vec<Vec<Cell>>,
    /// Summed rows; text columns are those of the last bucket.
    pub(super) accounts: Vec<Vec<Cell>>,
    pub(super) kinds: Vec<Vec<Cell>>,
    pub(super) nodes: Vec<Vec<Cell>>,
    pub(super) phases: Vec<Vec<Cell>>,
}

impl PulledRun {
    /// Reads and sums the packs of a run.
    pub(super) fn read(source: &dyn Destination, packs: &RunPacks) -> Result<Self> {
        let rows = |table: &FleetTable| read_table(source, table, packs);
        let runs = rows(&RUNS)?;
        let sum = |column: &str| {
            let at = RUNS.position(column).unwrap_or(0);
            sum_known(runs.iter().filter_map(|row| row.get(at)?.whole()))
        };
        let last = runs.last().cloned().unwrap_or_default();
        let last_bucket = last.get(5).and_then(Cell::whole);
        let in_last = |row: &Vec<Cell>| row.get(5).and_then(Cell::whole) == last_bucket;
        let mut rails = rows(&RAILS)?;
        rails.retain(in_last);
        let mut facts = PulledFacts {
            start_unix_ns: 0,
            row: last,
        };
        facts.start_unix_ns = facts.whole("start_unix_ns").unwrap_or(0);
        let end_unix_ns = facts
            .whole("bucket_end_unix_ns")
            .unwrap_or(facts.start_unix_ns);
        let manifest = packs.packs.last().and_then(|pack| pack.rows.first());
        let of_manifest = |name: &str| manifest?.get(PACKS.position(name)?).cloned();
        Ok(Self {
            attribution: of_manifest("attribution")
                .and_then(|cell| cell.whole())
                .unwrap_or(1),
            method: of_manifest("method").and_then(|cell| cell.text().map(str::to_owned)),
            is_complete: packs.is_complete,
            end_ns: end_unix_ns.saturating_sub(facts.start_unix_ns),
            input_tokens: sum("input_tokens"),
            output_tokens: sum("output_tokens"),
            rails,
            accounts: summed(&ACCOUNTS, rows(&ACCOUNTS)?, &["rail"]),
            kinds: summed(&KINDS, rows(&KINDS)?, &["rail", "kind", "role"]),
            nodes: summed(&NODES, rows(&NODES)?, &["rail", "node"]),
            phases: summed(&PHASES, rows(&PHASES)?, &["rail", "node", "phase"]),
            facts,
        })
    }
}

fn sum_known(values: impl Iterator<Item = i64>) -> Option<i64> {
    values.fold(None, |sum, value| {
        Some(sum.unwrap_or(0_i64).saturating_add(value))
    })
}

/// Sums the integers of rows with equal `keys`. Node numbers and depths are no sums: they keep the
/// value of the last row.
fn summed(table: &FleetTable, rows: Vec<Vec<Cell>>, keys: &[&str]) -> Vec<Vec<Cell>> {
    let position = |name: &&str| table.position(name).unwrap_or(0);
    let keys: Vec<usize> = keys.iter().map(position).collect();
    let columns: Vec<(&str, _)> = table.columns().collect();
    let is_sum = |at: usize| {
        let name = columns[at].0;
        at > 5
            && (name.ends_with("_nj")
                || name.ends_with("_ns")
                || matches!(name, "activations" | "instances"))
    };
    let mut sums: BTreeMap<String, Vec<Cell>> = BTreeMap::new();
    for row in rows {
        let key = keys
            .iter()
            .map(|at| format!("{:?}", row[*at]))
            .collect::<Vec<_>>()
            .join("\n");
        match sums.get_mut(&key) {
            None => drop(sums.insert(key, row)),
            Some(sum) => {
                for (at, (sum, value)) in sum.iter_mut().zip(row).enumerate() {
                    let added = match is_sum(at) {
                        true => sum_known(sum.whole().into_iter().chain(value.whole())).into(),
                        false => value,
                    };
                    *sum = added;
                }
            }
        }
    }
    // What was counted back is nothing.
    let mut sums: Vec<Vec<Cell>> = sums.into_values().collect();
    let is_nothing = |row: &Vec<Cell>| {
        let mut values = row.iter().enumerate().filter(|(at, _)| is_sum(*at));
        values.all(|(_, value)| value.whole().unwrap_or(0) == 0)
    };
    sums.retain(|row| *table == ACCOUNTS || !is_nothing(row));
    sums
}

/// Reads a table of all packs, in order of the buckets. Packs that are compacted are read there.
fn read_table(
    source: &dyn Destination,
    table: &FleetTable,
    packs: &RunPacks,
) -> Result<Vec<Vec<Cell>>> {
    let mut rows = Vec::new();
    let mut compacted: BTreeMap<String, BTreeSet<PackKey>> = BTreeMap::new();
    for pack in &packs.packs {
        let of_table = |row: &&Vec<Cell>| table_in(row) == Some(table.name);
        for row in pack.rows.iter().filter(of_table) {
            let Some(object) = object_of(row) else {
                continue;
            };
            match &pack.origin {
                Some(origin) => {
                    let folder = object.rsplit_once('/').map_or("", |(folder, _)| folder);
                    let wanted = compacted.entry(format!("{folder}/{origin}")).or_default();
                    wanted.extend(PackKey::of(row));
                }
                None => read_object(source, table, (object, sha256_in(row)), &mut rows)?,
            }
        }
    }
    for (object, wanted) in &compacted {
        let is_wanted = |row: &Vec<Cell>| PackKey::of(row).is_some_and(|key| wanted.contains(&key));
        let bytes = source.get(object)?.ok_or_else(|| missing(source, object))?;
        decode(object, bytes, table, &mut |row| {
            rows.extend(is_wanted(&row).then_some(row));
            Ok(())
        })?;
    }
    rows.sort_by_key(|row| row.get(5).and_then(Cell::whole));
    Ok(rows)
}

/// Adds the rows of an object, whose content must be that of its manifest.
fn read_object(
    source: &dyn Destination,
    table: &FleetTable,
    (object, sha256): (&str, Option<&str>),
    rows: &mut Vec<Vec<Cell>>,
) -> Result<()> {
    let bytes = source.get(object)?.ok_or_else(|| missing(source, object))?;
    if Some(sha256_of(&bytes).as_str()) != sha256 {
        return Err(Error::Sink(format!(
            "{object}: its content is not that of the manifest; `energy fleet check` lists such \
             objects"
        )));
    }
    decode(object, bytes, table, &mut |row| {
        rows.push(row);
        Ok(())
    })
}

fn missing(source: &dyn Destination, object: &str) -> Error {
    Error::Sink(format!(
        "{object} is missing below {}; `energy fleet check` lists such objects. If packs were \
         compacted in this moment, pull again",
        source.root()
    ))
}
