//! Joules in whole nanojoules that add up exactly.
//!
//! What can be added up is rounded with what was rounded off before it, rail by rail.
//! Two sums must meet: what the balance says of a rail's spans is what its nodes, and
//! what all activations have. They were rounded along different ways, so that the last
//! nanojoule may be missing; it goes to the largest node, and to the last activation.

use std::collections::HashMap;

use super::super::Source;
use super::super::nano::{Nanojoules, round};
use super::columns::Columns;
use crate::query::{Column, Kind, Value};

/// Accounts of the balance, without the residual, which is what is left.
const ACCOUNTS: [&str; 6] = [
    "idle_j",
    "spans_j",
    "outside_j",
    "others_j",
    "profiler_j",
    "unknown_j",
];

/// More than that part of a sum is no rounding: such a file does not balance, and the
/// tables show it.
const ROUNDING: f64 = 1e-8;

/// Nanojoules of the table that is being written.
pub(super) struct Whole {
    /// Rails that no other contains.
    roots: Vec<i64>,
    /// Whether activations sum to the run's spans.
    is_whole: bool,
    table: &'static str,
    names: Vec<&'static str>,
    /// Places of energies, and whether they add up.
    energies: Vec<(usize, bool)>,
    sums: HashMap<(i64, usize), Nanojoules>,
    /// What the balance says of each rail's spans.
    spans: HashMap<i64, i64>,
}

impl Whole {
    pub(super) fn new(source: &Source<'_>) -> Self {
        Self {
            roots: source.roots().map(|rail| rail.id.into()).collect(),
            is_whole: source.cut.window.is_none(),
            table: "",
            names: Vec::new(),
            energies: Vec::new(),
            sums: HashMap::new(),
            spans: HashMap::new(),
        }
    }

    pub(super) fn begin(&mut self, table: &'static str, columns: &[Column]) {
        self.table = table;
        self.names = columns.iter().map(|(name, _)| *name).collect();
        let is_energy =
            |(_, (name, kind)): &(usize, &Column)| *kind == Kind::Real && name.ends_with("_j");
        let energies = columns.iter().enumerate().filter(is_energy);
        self.energies = energies
            .map(|(at, (name, _))| (at, adds_up(table, name)))
            .collect();
        self.sums.clear();
    }

    /// The table's columns and those of nanojoules after them.
    pub(super) fn columns(&self, columns: &[Column]) -> Vec<(String, Kind)> {
        let given = columns
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), *kind));
        let beside = self.energies.iter().map(|(at, _)| {
            let name = self.names[*at];
            let stem = name.strip_suffix("_j").unwrap_or(name);
            (format!("{stem}_nj"), Kind::Whole)
        });
        given.chain(beside).collect()
    }

    /// Nanojoules of a row.
    pub(super) fn row(&mut self, values: &[Value<'_>]) -> Vec<Option<i64>> {
        let rail = self.value(values, "rail");
        let mut whole = Vec::with_capacity(self.energies.len());
        for &(at, adds_up) in &self.energies {
            whole.push(match values.get(at) {
                Some(Value::Real(joules)) if adds_up => {
                    Some(self.sums.entry((rail, at)).or_default().next(*joules))
                }
                Some(Value::Real(joules)) => Some(round(*joules)),
                _ => None,
            });
        }
        if self.table == "balance" {
            self.balance(rail, &mut whole);
        }
        whole
    }

    /// The residual is what the other accounts leave of what was measured.
    fn balance(&mut self, rail: i64, whole: &mut [Option<i64>]) {
        let of = |name: &str| {
            let at = |(at, _): &(usize, bool)| self.names.get(*at) == Some(&name);
            self.energies.iter().position(at)
        };
        let known =
            |name: &str, whole: &[Option<i64>]| of(name).and_then(|at| whole[at]).unwrap_or(0);
        let accounts: i64 = ACCOUNTS.iter().map(|name| known(name, whole)).sum();
        let residual = known("measured_j", whole) - accounts;
        let spans = known("spans_j", whole);
        if let Some(at) = of("residual_j") {
            whole[at] = Some(residual);
        }
        self.spans.insert(rail, spans);
    }

    /// Gives what rounding has left to a row that is still there.
    pub(super) fn end(&mut self, columns: &mut Columns) {
        let Some(own) = self.names.iter().position(|name| *name == "self_j") else {
            return;
        };
        let beside = self.energies.iter().position(|(at, _)| *at == own);
        let Some(beside) = beside.map(|at| self.names.len() + at) else {
            return;
        };
        match self.table {
            "node_energy" => {
                let rail = self.names.iter().position(|name| *name == "rail");
                let rails: Vec<i64> = columns
                    .whole(rail.unwrap_or(0))
                    .map(|(_, rail)| *rail)
                    .collect();
                for (rail, spans) in &self.spans {
                    let missing = rounded_off(*spans, self.given(*rail, own));
                    let of_rail = columns
                        .whole(beside)
                        .filter(|(row, _)| rails.get(*row) == Some(rail));
                    if let Some((_, largest)) = of_rail.max_by_key(|(_, value)| value.abs()) {
                        *largest += missing;
                    }
                }
            }
            "spans" if self.is_whole && !self.spans.is_empty() => {
                let roots = self.roots.iter().filter_map(|rail| self.spans.get(rail));
                let missing = rounded_off(roots.sum(), self.given(0, own));
                if let Some((_, last)) = columns.whole(beside).last() {
                    *last += missing;
                }
            }
            _ => {}
        }
    }

    fn given(&self, rail: i64, column: usize) -> i64 {
        let sum = self.sums.get(&(rail, column));
        sum.map_or(0, Nanojoules::given)
    }

    /// A whole number of a row; 0 in tables without such a column.
    fn value(&self, values: &[Value<'_>], name: &str) -> i64 {
        let at = self.names.iter().position(|known| *known == name);
        match at.and_then(|at| values.get(at)) {
            Some(Value::Whole(value)) => *value,
            _ => 0,
        }
    }
}

/// What of a sum was lost by rounding.
fn rounded_off(sum: i64, given: i64) -> i64 {
    let missing = sum - given;
    let most = (sum.unsigned_abs() as f64 * ROUNDING).max(100.0);
    match missing.unsigned_abs() as f64 <= most {
        true => missing,
        false => 0,
    }
}

/// Whether a column's energies are parts of a sum; others hold each other, or are ends
/// of intervals.
fn adds_up(table: &str, column: &str) -> bool {
    let holds_others = matches!((table, column), ("spans" | "span_energy", "energy_j"));
    let is_end = matches!(column, "lo_j" | "hi_j" | "inclusive_j");
    let is_account = table == "balance";
    !holds_others && !is_end && !is_account
}
