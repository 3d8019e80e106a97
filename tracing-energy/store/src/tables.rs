//! Lists the tables that belong to runs and the columns that change when rows move to another
//! run. Both are read from the schema, so that a new table or column is never missed:
//!
//! ```text
//! runs.no, run                     the run's number
//! spans.id, span, follows          run << 40 | seq
//! spans.parent                     seq
//! threads.id, thread; node; ..     a number that is local to the run
//! anything else                    a value
//! ```

use rusqlite::Connection;

use crate::span_ids::span_ids;

/// A table in which each row belongs to one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunTable {
    /// Its name.
    pub(super) name: String,
    /// Its columns, in the order of the schema.
    pub(super) columns: Vec<Column>,
}

/// A column of a [`RunTable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: String,
    /// What its values refer to.
    pub(super) holds: ColumnContent,
}

/// What the values of a column refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnContent {
    /// The number of the run.
    Run,
    /// A span, by its id, which holds the run's number.
    Span,
    /// A span, by its number within the run.
    SpanSeq,
    /// A process of the run; NULL: the run's own.
    Process,
    /// A row of the run.
    Local(LocalNumber),
    /// Nothing of the run.
    Other,
}

/// Rows of a run that have numbers of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LocalNumber {
    /// `threads.id`
    Thread,
    /// `callsites.id`
    Callsite,
    /// `nodes.id`
    Node,
    /// `instances.id`
    Instance,
    /// `events.seq`
    Event,
    /// `span_events.seq`
    SpanEvent,
}

impl LocalNumber {
    /// Returns the table and the column that define the numbers.
    pub(super) const fn key(self) -> (&'static str, &'static str) {
        match self {
            Self::Thread => ("threads", "id"),
            Self::Callsite => ("callsites", "id"),
            Self::Node => ("nodes", "id"),
            Self::Instance => ("instances", "id"),
            Self::Event => ("events", "seq"),
            Self::SpanEvent => ("span_events", "seq"),
        }
    }
}

/// Returns the tables that belong to runs, referenced ones first.
pub(super) fn of_runs(connection: &Connection) -> rusqlite::Result<Vec<RunTable>> {
    let mut tables = all(connection)?;
    tables.retain(|table| table.key().is_some());
    Ok(tables)
}

/// Returns the names of a table's columns, quoted.
pub(super) fn columns_of(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM pragma_table_info(?1, 'main') ORDER BY cid";
    let mut statement = connection.prepare_cached(sql)?;
    let names = statement.query_map([table], |r| Ok(quoted(&r.get::<_, String>(0)?)))?;
    names.collect()
}

fn all(connection: &Connection) -> rusqlite::Result<Vec<RunTable>> {
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
    Ok(tables)
}

fn holds(table: &str, column: &str) -> ColumnContent {
    use LocalNumber::{Callsite, Event, Instance, Node, SpanEvent, Thread};
    match (table, column) {
        ("runs", "no") | (_, "run") => ColumnContent::Run,
        ("spans", "id") | (_, "span" | "follows") => ColumnContent::Span,
        ("spans", "parent") => ColumnContent::SpanSeq,
        // The topmost node of each role; elsewhere a token is a value.
        ("nodes", "id" | "parent" | "section" | "token" | "layer" | "component" | "op")
        | (_, "node" | "phase") => ColumnContent::Local(Node),
        ("threads", "id") | (_, "thread") => ColumnContent::Local(Thread),
        ("callsites", "id") | (_, "callsite") => ColumnContent::Local(Callsite),
        ("instances", "id" | "parent") | (_, "instance") => ColumnContent::Local(Instance),
        ("events", "seq") => ColumnContent::Local(Event),
        ("span_events", "seq") => ColumnContent::Local(SpanEvent),
        (_, "process") => ColumnContent::Process,
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

    /// Returns whether it has a column of that name.
    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|own| own.name == column)
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
}

/// Quotes a name for SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
