//! Sums the buckets of a run.

use std::collections::BTreeMap;

use super::facts::PulledFacts;
use super::select::RunPacks;
use crate::columns::{ACCOUNTS, FleetTable, KINDS, NODES, PACKS, PHASES, RAILS, RUNS};
use crate::encode::Cell;

/// Position of the bucket in each row.
const BUCKET_AT: usize = 5;

/// Tables of a run except `runs`.
pub(super) const TABLES: [FleetTable; 5] = [RAILS, ACCOUNTS, KINDS, NODES, PHASES];

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
    /// Summed rows.
    pub(super) accounts: Vec<Vec<Cell>>,
    pub(super) kinds: Vec<Vec<Cell>>,
    pub(super) nodes: Vec<Vec<Cell>>,
    pub(super) phases: Vec<Vec<Cell>>,
}

/// A run while its buckets are summed.
#[derive(Debug, Clone)]
pub(super) struct SummedRun {
    run: PulledRun,
    last_bucket: Option<i64>,
    accounts: RowSums,
    kinds: RowSums,
    nodes: RowSums,
    phases: RowSums,
}

impl SummedRun {
    /// Begins a run by its rows of `runs`.
    pub(super) fn new(packs: &RunPacks, mut rows: Vec<Vec<Cell>>) -> Self {
        rows.sort_by_key(|row| bucket(row));
        let sum = |column| sum_known(rows.iter().filter_map(|row| RUNS.whole(row, column)));
        let (input_tokens, output_tokens) = (sum("input_tokens"), sum("output_tokens"));
        let row = rows.pop().unwrap_or_default();
        let start_unix_ns = RUNS.whole(&row, "start_unix_ns").unwrap_or(0);
        let end_unix_ns = RUNS.whole(&row, "bucket_end_unix_ns");
        let manifest = packs.manifest();
        let method = manifest.and_then(|row| PACKS.text(row, "method"));
        Self {
            last_bucket: bucket(&row),
            run: PulledRun {
                attribution: manifest
                    .and_then(|row| PACKS.whole(row, "attribution"))
                    .unwrap_or(1),
                method: method.map(str::to_owned),
                is_complete: packs.is_complete,
                end_ns: end_unix_ns.map_or(0, |end| end.saturating_sub(start_unix_ns)),
                input_tokens,
                output_tokens,
                facts: PulledFacts { start_unix_ns, row },
                ..PulledRun::default()
            },
            accounts: RowSums::new(&ACCOUNTS, &["rail"]),
            kinds: RowSums::new(&KINDS, &["rail", "kind", "role"]),
            nodes: RowSums::new(&NODES, &["rail", "node"]),
            phases: RowSums::new(&PHASES, &["rail", "node", "phase"]),
        }
    }

    /// Describes the run.
    pub(super) fn facts(&self) -> &PulledFacts {
        &self.run.facts
    }

    /// Returns the run with its sums.
    pub(super) fn finish(self) -> PulledRun {
        PulledRun {
            accounts: self.accounts.rows(),
            kinds: self.kinds.rows(),
            nodes: self.nodes.rows(),
            phases: self.phases.rows(),
            ..self.run
        }
    }

    /// Adds a row of a table.
    pub(super) fn add(&mut self, table: &FleetTable, row: Vec<Cell>) {
        match *table {
            RAILS if bucket(&row) == self.last_bucket => self.run.rails.push(row),
            ACCOUNTS => self.accounts.add(row),
            KINDS => self.kinds.add(row),
            NODES => self.nodes.add(row),
            PHASES => self.phases.add(row),
            _ => {}
        }
    }
}

fn bucket(row: &[Cell]) -> Option<i64> {
    row.get(BUCKET_AT).and_then(Cell::whole)
}

fn sum_known(values: impl Iterator<Item = i64>) -> Option<i64> {
    values.fold(None, |sum, value| {
        Some(sum.unwrap_or(0_i64).saturating_add(value))
    })
}

/// Sums of the integers of rows with equal keys. Text, node numbers and depths are no sums: they are
/// those of the last bucket.
#[derive(Debug, Clone)]
struct RowSums {
    keys: Vec<usize>,
    is_sum: Vec<bool>,
    keeps_nothing: bool,
    sums: BTreeMap<String, Vec<Cell>>,
}

impl RowSums {
    fn new(table: &FleetTable, keys: &[&str]) -> Self {
        let is_sum = |(at, (name, _)): (usize, (&str, _))| {
            at > BUCKET_AT
                && (name.ends_with("_nj")
                    || name.ends_with("_ns")
                    || matches!(name, "activations" | "instances"))
        };
        Self {
            keys: keys.iter().filter_map(|key| table.position(key)).collect(),
            is_sum: table.columns().enumerate().map(is_sum).collect(),
            keeps_nothing: *table == ACCOUNTS,
            sums: BTreeMap::new(),
        }
    }

    fn add(&mut self, row: Vec<Cell>) {
        let keys = self.keys.iter().map(|at| format!("{:?}", row.get(*at)));
        let key = keys.collect::<Vec<_>>().join("\n");
        let Some(sums) = self.sums.get_mut(&key) else {
            self.sums.insert(key, row);
            return;
        };
        let is_later = bucket(&row) >= bucket(sums);
        for ((sum, value), is_sum) in sums.iter_mut().zip(row).zip(&self.is_sum) {
            match (is_sum, is_later) {
                (true, _) => *sum = sum_known(sum.whole().into_iter().chain(value.whole())).into(),
                (false, true) => *sum = value,
                (false, false) => {}
            }
        }
    }

    /// Returns the summed rows, in order of their keys. What was counted back is nothing.
    fn rows(self) -> Vec<Vec<Cell>> {
        let is_something = |row: &Vec<Cell>| {
            let mut values = row.iter().zip(&self.is_sum);
            values.any(|(value, is_sum)| *is_sum && value.whole().unwrap_or(0) != 0)
        };
        let rows = self.sums.into_values();
        rows.filter(|row| self.keeps_nothing || is_something(row))
            .collect()
    }
}
