//! Shows runs without an end as a repair would leave them, without writing to the file.
//!
//! Temporary tables belong to one connection and hide tables of the file with the same
//! name:
//!
//! ```text
//! file                  runs, spans, samples   attributions, balance, ...
//! while attributing     views with ends        empty tables, filled by the attribution
//! afterwards            views with ends        views: file's rows of other runs + these
//! ```
//!
//! The file is not written: a live recorder and other readers are not affected.

use rusqlite::Connection;

use super::chunked_transaction::ChunkedTransaction;
use super::error::from_sqlite;
use super::tables::quoted;
use super::{AttributionWriter, repair};
use crate::Error;
use crate::span_ids::span_ids;
use crate::store::Store;

/// A run to be shown with an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownEnd {
    /// The run's number.
    pub run: i64,
    /// Whether it reads as crashed; else as running.
    pub has_crashed: bool,
}

/// A table of the file and its columns.
struct OverlayTable {
    name: String,
    columns: Vec<String>,
}

impl Store {
    /// Shows `runs` on this connection as if they were closed now and attributed by
    /// `attribute`. The file does not change.
    ///
    /// # Errors
    /// An error of `attribute`, or when the file cannot be read; then nothing changes.
    pub fn show_ends(
        &self,
        runs: &[ShownEnd],
        attribute: impl Fn(&mut AttributionWriter<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let sql = from_sqlite(&self.path);
        // Foreign keys of temporary tables cannot refer to the file's tables.
        let free = "PRAGMA foreign_keys = OFF";
        self.connection.execute_batch(free).map_err(&sql)?;
        let mut transaction = ChunkedTransaction::begin_atomic(&self.connection).map_err(&sql)?;
        let connection = transaction.connection();
        let ends = ends(connection, runs).map_err(&sql)?;
        let tables = attributed(connection).map_err(&sql)?;
        begin(connection, &ends, &tables).map_err(&sql)?;
        for &(shown, _) in &ends {
            (transaction, ..) = self.attribute_within(transaction, shown.run, &attribute)?;
        }
        add_file(transaction.connection(), &ends, &tables).map_err(&sql)?;
        transaction.commit().map_err(&sql)
    }
}

fn ends(connection: &Connection, runs: &[ShownEnd]) -> rusqlite::Result<Vec<(ShownEnd, i64)>> {
    let end = |&shown: &ShownEnd| Ok((shown, repair::end_ns(connection, shown.run)?));
    runs.iter().map(end).collect()
}

/// Returns the tables that hold attributions. Others refer to one: they have no rows of a run.
fn attributed(connection: &Connection) -> rusqlite::Result<Vec<OverlayTable>> {
    let sql = "
        SELECT name FROM main.sqlite_schema t
        WHERE type = 'table' AND (name = 'attributions' OR EXISTS (
            SELECT 1 FROM pragma_table_info(t.name, 'main') c WHERE c.name = 'attribution')
            AND EXISTS (
            SELECT 1 FROM pragma_table_info(t.name, 'main') c WHERE c.name IN ('run', 'span')))
        ORDER BY rowid";
    let mut statement = connection.prepare(sql)?;
    let names = statement.query_map([], |row| row.get(0))?;
    let names: Vec<String> = names.collect::<rusqlite::Result<_>>()?;
    let table = |name| OverlayTable::read(connection, name);
    names.into_iter().map(table).collect()
}

/// Creates views of the recorded tables and empty tables for the attribution.
fn begin(
    connection: &Connection,
    ends: &[(ShownEnd, i64)],
    tables: &[OverlayTable],
) -> rusqlite::Result<()> {
    for (name, changed) in recorded(ends) {
        let table = OverlayTable::read(connection, name.to_owned())?;
        connection.execute_batch(&table.view(&changed, "1", ""))?;
    }
    connection.execute_batch(PHASES)?;
    for table in tables {
        let sql = "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1";
        let made: String = connection.query_row(sql, [&table.name], |row| row.get(0))?;
        let made = made.strip_prefix("CREATE").unwrap_or(&made);
        connection.execute_batch(&format!("CREATE TEMP{made}"))?;
    }
    Ok(())
}

/// Captures the phases that an attribution writes to samples.
const PHASES: &str = "
    CREATE TEMP TABLE shown_phases (run INTEGER, rail INTEGER, start_ns INTEGER, phase INTEGER,
        PRIMARY KEY (run, rail, start_ns)) WITHOUT ROWID;
    CREATE TEMP TRIGGER shown_phase INSTEAD OF UPDATE OF phase ON samples BEGIN
        INSERT OR REPLACE INTO shown_phases
        VALUES (new.run, new.rail, new.start_ns, new.phase);
    END;";

/// Returns the recorded tables and the replacements of their columns.
fn recorded(ends: &[(ShownEnd, i64)]) -> [(&'static str, Vec<(&'static str, String)>); 4] {
    let case = |column: &str, of: &dyn Fn(&(ShownEnd, i64)) -> String| {
        let cases: Vec<String> = ends.iter().map(of).collect();
        format!("CASE {} ELSE {column} END", cases.join(" "))
    };
    let no = |shown: &ShownEnd| shown.run;
    let status = case("status", &|(shown, _)| match shown.has_crashed {
        true => format!("WHEN no = {} THEN 'crashed'", no(shown)),
        false => format!("WHEN no = {} THEN 'running'", no(shown)),
    });
    let end = case("end_ns", &|(shown, end)| {
        format!("WHEN no = {} THEN {end}", no(shown))
    });
    let span_end = case("end_ns", &|(shown, end)| {
        let (first, last) = span_ids(shown.run);
        format!("WHEN end_ns IS NULL AND id BETWEEN {first} AND {last} THEN max(start_ns, {end})")
    });
    let closed = case("closed_ns", &|(shown, end)| {
        let run = shown.run;
        format!("WHEN closed_ns IS NULL AND run = {run} THEN max(created_ns, {end})")
    });
    let phase = case("phase", &|(shown, _)| {
        format!(
            "WHEN run = {} THEN (SELECT p.phase FROM temp.shown_phases p WHERE p.run = t.run \
             AND p.rail = t.rail AND p.start_ns = t.start_ns)",
            shown.run
        )
    });
    [
        ("runs", vec![("status", status), ("end_ns", end)]),
        ("spans", vec![("end_ns", span_end)]),
        ("instances", vec![("closed_ns", closed)]),
        ("samples", vec![("phase", phase)]),
    ]
}

/// Unites the attributed rows with the file's rows of other runs, and recreates the file's
/// views on top.
fn add_file(
    connection: &Connection,
    ends: &[(ShownEnd, i64)],
    tables: &[OverlayTable],
) -> rusqlite::Result<()> {
    for table in tables {
        let name = &table.name;
        let shown = quoted(&format!("shown_{name}"));
        let rename = format!("ALTER TABLE temp.{} RENAME TO {shown}", quoted(name));
        connection.execute_batch(&rename)?;
        let others = table.without(ends);
        let own = format!("UNION ALL SELECT {} FROM temp.{shown}", table.list());
        connection.execute_batch(&table.view(&[], &others, &own))?;
    }
    let sql = "SELECT sql FROM main.sqlite_schema WHERE type = 'view' ORDER BY rowid";
    let mut statement = connection.prepare(sql)?;
    let views = statement.query_map([], |row| row.get::<_, String>(0))?;
    for made in views.collect::<rusqlite::Result<Vec<_>>>()? {
        let made = made.strip_prefix("CREATE").unwrap_or(&made);
        connection.execute_batch(&format!("CREATE TEMP{made}"))?;
    }
    Ok(())
}

impl OverlayTable {
    fn read(connection: &Connection, name: String) -> rusqlite::Result<Self> {
        let sql = "SELECT name FROM pragma_table_info(?1, 'main') ORDER BY cid";
        let mut statement = connection.prepare(sql)?;
        let columns = statement.query_map([&name], |row| row.get(0))?;
        let columns = columns.collect::<rusqlite::Result<_>>()?;
        Ok(Self { name, columns })
    }

    fn list(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|name| quoted(name)).collect();
        columns.join(", ")
    }

    /// Returns SQL for a view of the file's table with replaced values in the columns
    /// `changed`.
    fn view(&self, changed: &[(&str, String)], condition: &str, more: &str) -> String {
        let value = |column: &String| {
            let changed = changed.iter().find(|(name, _)| name == column);
            let name = quoted(column);
            changed.map_or(name.clone(), |(_, value)| format!("{value} AS {name}"))
        };
        let values: Vec<String> = self.columns.iter().map(value).collect();
        let name = quoted(&self.name);
        format!(
            "CREATE TEMP VIEW {name} AS SELECT {} FROM main.{name} t WHERE {condition} {more}",
            values.join(", ")
        )
    }

    /// Returns a condition that holds for rows of other runs.
    fn without(&self, ends: &[(ShownEnd, i64)]) -> String {
        let has_run = self.columns.iter().any(|column| column == "run");
        let other = |(shown, _): &(ShownEnd, i64)| {
            let (first, last) = span_ids(shown.run);
            match has_run {
                true => format!("run <> {}", shown.run),
                false => format!("span NOT BETWEEN {first} AND {last}"),
            }
        };
        let others: Vec<String> = ends.iter().map(other).collect();
        others.join(" AND ")
    }
}
