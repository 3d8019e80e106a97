//! Moves rows of a run to another run, in this file or from an attached one. All columns of a
//! table move; those that refer to rows of the run are renumbered.
//!
//! ```text
//! merge of files            run 3 -> run 12    numbers within the run stay
//! merge of joined runs      run 8 -> run 7     numbers within the run continue those of run 7
//! ```

use rusqlite::Connection;

use super::tables::{Column, ColumnContent, LocalNumber, RunTable, quoted};
use crate::span_ids::{MAX_SEQ, SEQ_BITS};

/// Rows of one run on their way to another.
#[derive(Debug)]
pub(super) struct RowMove<'m> {
    /// Database that holds the rows: `main` or an attached one.
    pub(super) source: &'m str,
    /// Their run.
    pub(super) from: i64,
    /// Their new run.
    pub(super) to: i64,
    /// New numbers within the run; `None`: they stay as they are.
    pub(super) numbers: Option<JoinedNumbers>,
}

/// Numbers of rows that are added to a run with rows of its own.
#[derive(Debug)]
pub(super) struct JoinedNumbers {
    /// Process of the run that the rows are of.
    process: i64,
    /// Table with the columns `old`, the id of a span, and `seq`, its new number.
    spans: &'static str,
    /// Highest numbers in the run.
    highest: Vec<(LocalNumber, i64)>,
}

impl JoinedNumbers {
    /// Continues the numbers of run number `to` in the tables `moved`.
    pub(super) fn continuing(
        connection: &Connection,
        to: i64,
        moved: &[RunTable],
        process: i64,
        spans: &'static str,
    ) -> rusqlite::Result<Self> {
        let columns = moved.iter().flat_map(|table| &table.columns);
        let mut highest: Vec<(LocalNumber, i64)> = Vec::new();
        for column in columns {
            let ColumnContent::Local(number) = column.holds else {
                continue;
            };
            if highest.iter().any(|(known, _)| *known == number) {
                continue;
            }
            let (table, key) = number.key();
            let sql = format!("SELECT coalesce(max({key}), 0) FROM main.{table} WHERE run = ?1");
            highest.push((number, connection.query_row(&sql, [to], |row| row.get(0))?));
        }
        Ok(Self {
            process,
            spans,
            highest,
        })
    }

    fn above(&self, number: LocalNumber) -> i64 {
        let found = self.highest.iter().find(|(known, _)| *known == number);
        found.map_or(0, |(_, highest)| *highest)
    }

    fn seq(&self, old_id: &str) -> String {
        format!(
            "(SELECT j.seq FROM {} j WHERE j.old = {old_id})",
            self.spans
        )
    }
}

impl RowMove<'_> {
    /// Returns SQL that copies the run's rows of `table`.
    pub(super) fn copy(&self, table: &RunTable) -> String {
        self.copy_changed(table, "1", &[])
    }

    /// Returns SQL that copies those of the run's rows of `table` that match `condition`.
    /// `changes` has SQL expressions for columns with other values; the old row is `r`.
    pub(super) fn copy_changed(
        &self,
        table: &RunTable,
        condition: &str,
        changes: &[(&str, String)],
    ) -> String {
        let name = quoted(&table.name);
        let names = table.columns.iter().map(|column| quoted(&column.name));
        let values = table.columns.iter().map(|column| {
            let change = changes.iter().find(|(name, _)| *name == column.name);
            change.map_or_else(|| self.moved(column), |(_, value)| value.clone())
        });
        format!(
            "INSERT INTO main.{name} ({}) SELECT {} FROM {}.{name} r WHERE {} AND {condition};",
            names.collect::<Vec<_>>().join(", "),
            values.collect::<Vec<_>>().join(", "),
            self.source,
            table.of_run(self.from)
        )
    }

    /// Returns an SQL expression of the value of a column in the new run.
    fn moved(&self, column: &Column) -> String {
        let (to, old) = (self.to, format!("r.{}", quoted(&column.name)));
        match (column.holds, &self.numbers) {
            (ColumnContent::Run, _) => to.to_string(),
            (ColumnContent::Span, None) => format!("({to} << {SEQ_BITS}) | ({old} & {MAX_SEQ})"),
            (ColumnContent::Span, Some(numbers)) => {
                format!("({to} << {SEQ_BITS} | {})", numbers.seq(&old))
            }
            (ColumnContent::SpanSeq, Some(numbers)) => {
                numbers.seq(&format!("({} << {SEQ_BITS} | {old})", self.from))
            }
            (ColumnContent::Process, Some(numbers)) => numbers.process.to_string(),
            (ColumnContent::Local(number), Some(numbers)) => {
                format!("{old} + {}", numbers.above(number))
            }
            (ColumnContent::Other, _) | (_, None) => old,
        }
    }
}
