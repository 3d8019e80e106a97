//! Lists the tables that belong to runs and the columns that change when a run is
//! renumbered. Both are read from the schema, so that a new table is never missed:
//!
//! ```text
//! runs.no, run                the run's number
//! spans.id, span, follows     run << 40 | seq
//! anything else               local to the run, or not an id
//! ```

use rusqlite::Connection;

use super::{MAX_SEQ, SEQ_BITS, span_ids};

/// A table in which each row belongs to one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunTable {
    /// Its name.
    pub(super) name: String,
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    holds: ColumnContent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnContent {
    Run,
    Span,
    Other,
}

/// Returns the tables that belong to runs, referenced ones first.
pub(super) fn of_runs(connection: &Connection) -> rusqlite::Result<Vec<RunTable>> {
    let sql = "
        SELECT t.name, c.name
        FROM main.sqlite_schema t JOIN pragma_table_info(t.name, 'main') c
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
        ORDER BY t.rowid, c.cid";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut tables: Vec<RunTable> = Vec::new();
    while let Some(row) = rows.next()? {
        let (table, column): (String, String) = (row.get(0)?, row.get(1)?);
        let column = Column {
            holds: holds(&table, &column),
            name: column,
        };
        match tables.last_mut().filter(|last| last.name == table) {
            Some(last) => last.columns.push(column),
            None => tables.push(RunTable {
                name: table,
                columns: vec![column],
            }),
        }
    }
    tables.retain(|table| table.key().is_some());
    Ok(tables)
}

fn holds(table: &str, column: &str) -> ColumnContent {
    match (table, column) {
        ("runs", "no") | (_, "run") => ColumnContent::Run,
        ("spans", "id") | (_, "span" | "follows") => ColumnContent::Span,
        _ => ColumnContent::Other,
    }
}

impl RunTable {
    /// Returns the column that identifies a row's run.
    fn key(&self) -> Option<&Column> {
        let first = |holds| self.columns.iter().find(|column| column.holds == holds);
        first(ColumnContent::Run).or_else(|| first(ColumnContent::Span))
    }

    /// Returns the column that holds the run's number alone.
    pub(super) fn run_column(&self) -> Option<&str> {
        let key = self.key().filter(|key| key.holds == ColumnContent::Run);
        key.map(|key| key.name.as_str())
    }

    /// Returns the number of columns.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// Returns an SQL condition for rows of run number `run`.
    pub(super) fn of_run(&self, run: i64) -> String {
        let (first, last) = span_ids(run);
        match self.key() {
            Some(key) if key.holds == ColumnContent::Run => {
                format!("{} = {run}", quoted(&key.name))
            }
            Some(key) => format!("{} BETWEEN {first} AND {last}", quoted(&key.name)),
            None => "0".to_owned(),
        }
    }

    /// Returns SQL that copies the rows of run `from` in the attached database `source` to
    /// run `to`.
    pub(super) fn copy(&self, source: &str, from: i64, to: i64) -> String {
        let name = quoted(&self.name);
        let names: Vec<String> = self.columns.iter().map(|c| quoted(&c.name)).collect();
        let values: Vec<String> = self.columns.iter().map(|c| c.moved(to)).collect();
        format!(
            "INSERT INTO main.{name} ({}) SELECT {} FROM {source}.{name} WHERE {}",
            names.join(", "),
            values.join(", "),
            self.of_run(from)
        )
    }
}

impl Column {
    /// Returns an SQL expression of its value once the run's number is `to`.
    fn moved(&self, to: i64) -> String {
        let name = quoted(&self.name);
        match self.holds {
            ColumnContent::Run => to.to_string(),
            ColumnContent::Span => format!("({to} << {SEQ_BITS}) | ({name} & {MAX_SEQ})"),
            ColumnContent::Other => name,
        }
    }
}

/// Quotes a name for SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
