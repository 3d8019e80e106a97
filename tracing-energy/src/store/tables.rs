//! Which tables belong to runs, and which of their columns change when a run gets
//! another number. Read from the schema itself, so that a new table is never forgotten:
//!
//! ```text
//! runs.no, run                the run's number
//! spans.id, span, follows     run << 40 | seq
//! anything else               local to the run, or no number of ours
//! ```

use rusqlite::Connection;

use super::{MAX_SEQ, SEQ_BITS, span_ids};

/// A table in which each row belongs to one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: String,
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    holds: Holds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Run,
    Span,
    Other,
}

/// The tables that belong to runs, those that others refer to first.
pub(super) fn of_runs(connection: &Connection) -> rusqlite::Result<Vec<Table>> {
    let sql = "
        SELECT t.name, c.name
        FROM main.sqlite_schema t JOIN pragma_table_info(t.name, 'main') c
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
        ORDER BY t.rowid, c.cid";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut tables: Vec<Table> = Vec::new();
    while let Some(row) = rows.next()? {
        let (table, column): (String, String) = (row.get(0)?, row.get(1)?);
        let column = Column {
            holds: holds(&table, &column),
            name: column,
        };
        match tables.last_mut().filter(|last| last.name == table) {
            Some(last) => last.columns.push(column),
            None => tables.push(Table {
                name: table,
                columns: vec![column],
            }),
        }
    }
    tables.retain(|table| table.key().is_some());
    Ok(tables)
}

fn holds(table: &str, column: &str) -> Holds {
    match (table, column) {
        ("runs", "no") | (_, "run") => Holds::Run,
        ("spans", "id") | (_, "span" | "follows") => Holds::Span,
        _ => Holds::Other,
    }
}

impl Table {
    /// The column that says to which run a row belongs.
    fn key(&self) -> Option<&Column> {
        let first = |holds| self.columns.iter().find(|column| column.holds == holds);
        first(Holds::Run).or_else(|| first(Holds::Span))
    }

    /// The column that holds the run's number by itself.
    pub(super) fn run_column(&self) -> Option<&str> {
        let key = self.key().filter(|key| key.holds == Holds::Run);
        key.map(|key| key.name.as_str())
    }

    /// How many columns it has.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// The condition that holds for rows of run number `run`.
    pub(super) fn of_run(&self, run: i64) -> String {
        let (first, last) = span_ids(run);
        match self.key() {
            Some(key) if key.holds == Holds::Run => format!("{} = {run}", quoted(&key.name)),
            Some(key) => format!("{} BETWEEN {first} AND {last}", quoted(&key.name)),
            None => "0".to_owned(),
        }
    }

    /// Copies the rows of run `from` in the attached database `source` to run `to`.
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
    /// Its value once the run's number is `to`.
    fn moved(&self, to: i64) -> String {
        let name = quoted(&self.name);
        match self.holds {
            Holds::Run => to.to_string(),
            Holds::Span => format!("({to} << {SEQ_BITS}) | ({name} & {MAX_SEQ})"),
            Holds::Other => name,
        }
    }
}

/// A name as SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
