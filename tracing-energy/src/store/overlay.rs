//! Runs without an end, shown as a repair would leave them, in a file that is only read.
//!
//! Temporary tables belong to one connection and hide tables of the file that have the
//! same name:
//!
//! ```text
//! file                  runs, spans, samples   attributions, balance, ...
//! while attributing     views: with ends       empty tables, filled by the attribution
//! afterwards            views: with ends       views: file's rows of other runs + those
//! ```
//!
//! Nothing is written to the file: neither the run's recorder, should it be alive, nor
//! anybody else sees anything of it.

use rusqlite::Connection;

use super::error::from_sqlite;
use super::pace::Pace;
use super::tables::quoted;
use super::{AttributionWriter, Store, repair, span_ids};
use crate::Error;

/// A run to be shown with an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownEnd {
    /// The run's number.
    pub run: i64,
    /// Whether it reads as crashed; else as running.
    pub has_crashed: bool,
}

/// A table of the file and its columns.
struct Table {
    name: String,
    columns: Vec<String>,
}

impl Store {
    /// Shows `runs` on this connection as they would be if they were closed now and
    /// attributed by `attribute`. The file does not change.
    ///
    /// # Errors
    /// What `attribute` gives back, or when the file cannot be read; then nothing is shown
    /// differently.
    pub fn show_ends(
        &self,
        runs: &[ShownEnd],
        attribute: impl Fn(&mut AttributionWriter<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let sql = from_sqlite(&self.path);
        // Keys of temporary tables cannot refer to the file's.
        let free = "PRAGMA foreign_keys = OFF";
        self.connection.execute_batch(free).map_err(&sql)?;
        let mut pace = Pace::whole(&self.connection).map_err(&sql)?;
        let connection = pace.connection();
        let ends = ends(connection, runs).map_err(&sql)?;
        let tables = attributed(connection).map_err(&sql)?;
        begin(connection, &ends, &tables).map_err(&sql)?;
        for &(shown, _) in &ends {
            (pace, ..) = self.attribute_within(pace, shown.run, &attribute)?;
        }
        add_file(pace.connection(), &ends, &tables).map_err(&sql)?;
        pace.commit().map_err(&sql)
    }
}

fn ends(connection: &Connection, runs: &[ShownEnd]) -> rusqlite::Result<Vec<(ShownEnd, i64)>> {
    let end = |&shown: &ShownEnd| Ok((shown, repair::end_ns(connection, shown.run)?));
    runs.iter().map(end).collect()
}

/// The tables that attributions are made of.
fn attributed(connection: &Connection) -> rusqlite::Result<Vec<Table>> {
    let sql = "
        SELECT name FROM main.sqlite_schema t
        WHERE type = 'table' AND (name = 'attributions' OR EXISTS (
            SELECT 1 FROM pragma_table_info(t.name, 'main') c WHERE c.name = 'attribution'))
        ORDER BY rowid";
    let mut statement = connection.prepare(sql)?;
    let names = statement.query_map([], |row| row.get(0))?;
    let names: Vec<String> = names.collect::<rusqlite::Result<_>>()?;
    let table = |name| Table::read(connection, name);
    names.into_iter().map(table).collect()
}

/// Views of what was recorded, and empty tables for what is attributed.
fn begin(
    connection: &Connection,
    ends: &[(ShownEnd, i64)],
    tables: &[Table],
) -> rusqlite::Result<()> {
    for (name, changed) in recorded(ends) {
        let table = Table::read(connection, name.to_owned())?;
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

/// The phase of a sample is written with its attribution.
const PHASES: &str = "
    CREATE TEMP TABLE shown_phases (run INTEGER, rail INTEGER, start_ns INTEGER, phase INTEGER,
        PRIMARY KEY (run, rail, start_ns)) WITHOUT ROWID;
    CREATE TEMP TRIGGER shown_phase INSTEAD OF UPDATE OF phase ON samples BEGIN
        INSERT OR REPLACE INTO shown_phases
        VALUES (new.run, new.rail, new.start_ns, new.phase);
    END;";

/// Tables of what was recorded, and what is read in place of which column.
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

/// Puts the file's rows of other runs beside those of the tables, and the file's views
/// above both.
fn add_file(
    connection: &Connection,
    ends: &[(ShownEnd, i64)],
    tables: &[Table],
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

impl Table {
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

    /// A view of the file's table with other values in the columns `changed`.
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

    /// Holds for rows of other runs.
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
