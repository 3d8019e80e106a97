//! Columns of whole nanojoules that sum exactly.
//!
//! Additive columns are rounded with error carry, rail by rail. Two sums must agree: the
//! balance's spans account of a rail with the sum over its nodes, and with the sum over all
//! activations. They are rounded independently, so they may differ by a nanojoule; the
//! difference is added to the largest node, and to the last activation.

use std::collections::HashMap;

use super::super::nano::{Nanojoules, round};
use super::super::source::ExportSource;
use super::columns::ParquetColumns;
use crate::query::{CellValue, ColumnType, TableColumn};

/// Accounts of the balance, except for the residual, which is the remainder.
const ACCOUNTS: [&str; 6] = [
    "idle_j",
    "spans_j",
    "unattributed_j",
    "other_processes_j",
    "profiler_j",
    "unknown_j",
];

/// Largest relative difference explained by rounding. Above it, the file does not balance, and
/// the tables keep the difference.
const ROUNDING: f64 = 1e-8;

/// Computes the nanojoule columns of the table that is being written.
pub(super) struct NanojouleColumns {
    /// Rails without a parent rail.
    roots: Vec<i64>,
    /// Whether activations sum to the run's spans account.
    is_whole: bool,
    table: &'static str,
    names: Vec<&'static str>,
    /// Column index of each energy, and whether the column is additive.
    energies: Vec<(usize, bool)>,
    sums: HashMap<(i64, usize), Nanojoules>,
    /// Spans account of each rail, from the balance.
    spans: HashMap<i64, i64>,
}

impl NanojouleColumns {
    pub(super) fn new(source: &ExportSource<'_>) -> Self {
        Self {
            roots: source.roots().map(|rail| rail.id.into()).collect(),
            is_whole: source.filter.window.is_none(),
            table: "",
            names: Vec::new(),
            energies: Vec::new(),
            sums: HashMap::new(),
            spans: HashMap::new(),
        }
    }

    pub(super) fn begin(&mut self, table: &'static str, columns: &[TableColumn]) {
        self.table = table;
        self.names = columns.iter().map(|(name, _)| *name).collect();
        let is_energy = |(_, (name, kind)): &(usize, &TableColumn)| {
            *kind == ColumnType::Real && name.ends_with("_j")
        };
        let energies = columns.iter().enumerate().filter(is_energy);
        self.energies = energies
            .map(|(at, (name, _))| (at, is_additive(table, name)))
            .collect();
        self.sums.clear();
    }

    /// Returns the table's columns, followed by the nanojoule columns.
    pub(super) fn columns(&self, columns: &[TableColumn]) -> Vec<(String, ColumnType)> {
        let original = columns
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), *kind));
        let nanojoules = self.energies.iter().map(|(at, _)| {
            let name = self.names[*at];
            let stem = name.strip_suffix("_j").unwrap_or(name);
            (format!("{stem}_nj"), ColumnType::Whole)
        });
        original.chain(nanojoules).collect()
    }

    /// Returns the nanojoules of a row.
    pub(super) fn row(&mut self, values: &[CellValue<'_>]) -> Vec<Option<i64>> {
        let rail = self.value(values, "rail");
        let mut nanojoules = Vec::with_capacity(self.energies.len());
        for &(at, is_additive) in &self.energies {
            nanojoules.push(match values.get(at) {
                Some(CellValue::Real(joules)) if is_additive => {
                    Some(self.sums.entry((rail, at)).or_default().next(*joules))
                }
                Some(CellValue::Real(joules)) => Some(round(*joules)),
                _ => None,
            });
        }
        if self.table == "balance" {
            self.balance(rail, &mut nanojoules);
        }
        nanojoules
    }

    /// Sets the residual to the measured energy minus the other accounts.
    fn balance(&mut self, rail: i64, nanojoules: &mut [Option<i64>]) {
        let position = |name: &str| {
            let at = |(at, _): &(usize, bool)| self.names.get(*at) == Some(&name);
            self.energies.iter().position(at)
        };
        let known = |name: &str, values: &[Option<i64>]| {
            position(name).and_then(|at| values[at]).unwrap_or(0)
        };
        let accounts: i64 = ACCOUNTS.iter().map(|name| known(name, nanojoules)).sum();
        let residual = known("measured_j", nanojoules) - accounts;
        let spans = known("spans_j", nanojoules);
        if let Some(at) = position("residual_j") {
            nanojoules[at] = Some(residual);
        }
        self.spans.insert(rail, spans);
    }

    /// Adds the rounding remainder to a row that is still in memory.
    pub(super) fn end(&mut self, columns: &mut ParquetColumns) {
        let Some(own) = self.names.iter().position(|name| *name == "self_j") else {
            return;
        };
        let column = self.energies.iter().position(|(at, _)| *at == own);
        let Some(column) = column.map(|at| self.names.len() + at) else {
            return;
        };
        match self.table {
            "node_energy" => {
                let rail = self.names.iter().position(|name| *name == "rail");
                let rails: Vec<i64> = columns
                    .integers(rail.unwrap_or(0))
                    .map(|(_, rail)| *rail)
                    .collect();
                for (rail, spans) in &self.spans {
                    let missing = rounding_difference(*spans, self.rounded_sum(*rail, own));
                    let of_rail = columns
                        .integers(column)
                        .filter(|(row, _)| rails.get(*row) == Some(rail));
                    if let Some((_, largest)) = of_rail.max_by_key(|(_, value)| value.abs()) {
                        *largest += missing;
                    }
                }
            }
            "spans" if self.is_whole && !self.spans.is_empty() => {
                let roots = self.roots.iter().filter_map(|rail| self.spans.get(rail));
                let missing = rounding_difference(roots.sum(), self.rounded_sum(0, own));
                if let Some((_, last)) = columns.integers(column).last() {
                    *last += missing;
                }
            }
            _ => {}
        }
    }

    fn rounded_sum(&self, rail: i64, column: usize) -> i64 {
        let sum = self.sums.get(&(rail, column));
        sum.map_or(0, Nanojoules::rounded)
    }

    /// Returns an integer of a row; 0 for tables without such a column.
    fn value(&self, values: &[CellValue<'_>], name: &str) -> i64 {
        let at = self.names.iter().position(|known| *known == name);
        match at.and_then(|at| values.get(at)) {
            Some(CellValue::Whole(value)) => *value,
            _ => 0,
        }
    }
}

/// Returns the difference between two sums if rounding explains it, else 0.
fn rounding_difference(sum: i64, rounded: i64) -> i64 {
    let missing = sum - rounded;
    let limit = (sum.unsigned_abs() as f64 * ROUNDING).max(100.0);
    match missing.unsigned_abs() as f64 <= limit {
        true => missing,
        false => 0,
    }
}

/// Returns whether a column is additive. Others are inclusive, or bounds of intervals.
fn is_additive(table: &str, column: &str) -> bool {
    let is_inclusive = matches!((table, column), ("spans" | "span_energy", "energy_j"));
    let is_bound = matches!(column, "lo_j" | "hi_j" | "inclusive_j");
    let is_account = table == "balance";
    !is_inclusive && !is_bound && !is_account
}
