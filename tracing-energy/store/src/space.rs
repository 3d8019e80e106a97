//! Disk space of the file, its tables and its runs; vacuum.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::Connection;

use super::RunLiveness;
use super::connection::BUSY_TIMEOUT;
use super::error::{from_sqlite, store};
use super::frozen_file::wal_of;
use super::tables::{self, RunTable, quoted};
use crate::Error;
use crate::store::Store;

/// Time of one attempt to empty the log, and between attempts.
const ATTEMPT: Duration = Duration::from_millis(25);
/// Number of attempts.
const ATTEMPTS: usize = 10;

/// Disk space of a recording file, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// Size of the file.
    pub file_bytes: u64,
    /// Free space within the file, for new rows.
    pub free_bytes: u64,
    /// Size of the write-ahead log.
    pub wal_bytes: u64,
    /// Whether `tables` was counted by pages; otherwise it is estimated from row counts.
    pub is_counted: bool,
    /// Each table with its indexes, largest first.
    pub tables: Vec<TableSpace>,
    /// Each run, oldest first.
    pub runs: Vec<RunSpace>,
}

/// Space of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpace {
    /// Its name.
    pub name: String,
    /// Number of rows; `None` for other tables.
    pub rows: Option<i64>,
    /// Space including indexes.
    pub bytes: u64,
}

/// Space of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSpace {
    /// `runs.no`.
    pub run: i64,
    /// Its share of each table by number of rows: an estimate.
    pub bytes: u64,
}

/// Weight of a run's own row without its texts, in bytes.
const RUN_ROW: i64 = 200;
/// Size of a field of a large table, in bytes.
const FIELD: i64 = 4;

impl Store {
    /// Measures the space of the file, its tables and runs. Reads the whole file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn space(&self) -> Result<Space, Error> {
        let mut space = measure(&self.connection).map_err(from_sqlite(&self.path))?;
        let wal = std::fs::metadata(wal_of(&self.path));
        space.wal_bytes = wal.map_or(0, |metadata| metadata.len());
        Ok(space)
    }

    /// Returns the file's free space to the disk, and empties the log as [`Store::checkpoint`] does.
    /// Temporarily needs the file's size again.
    ///
    /// # Errors
    /// When a run is being recorded to the file, whose rows would be lost during the
    /// vacuum, or the file cannot be written; then nothing has changed.
    pub fn vacuum(&self) -> Result<(), Error> {
        self.ensure_not_recording()?;
        let sql = from_sqlite(&self.path);
        self.connection.execute_batch("VACUUM").map_err(&sql)?;
        // Pages that a reader still needs are checkpointed with the next write.
        self.empty_log()
    }

    /// Writes the log into the file and empties it, so that the file alone holds its content and
    /// deleted text is in neither. Waits half a second at most for readers; if one still reads
    /// then, the log remains, without an error. Does nothing while a run is being recorded: the
    /// recorder does it at its end.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn checkpoint(&self) -> Result<(), Error> {
        match self.ensure_not_recording() {
            Ok(()) => self.empty_log(),
            Err(_) => Ok(()),
        }
    }

    fn empty_log(&self) -> Result<(), Error> {
        let empty = || -> rusqlite::Result<()> {
            // The writer's lock is held while SQLite waits, so that each attempt is short.
            self.connection.busy_timeout(ATTEMPT)?;
            for _ in 0..ATTEMPTS {
                let pragma = "PRAGMA wal_checkpoint(TRUNCATE)";
                let is_busy: bool = self.connection.query_row(pragma, [], |r| r.get(0))?;
                if !is_busy {
                    break;
                }
                std::thread::sleep(ATTEMPT);
            }
            Ok(())
        };
        let emptied = empty();
        let restored = self.connection.busy_timeout(BUSY_TIMEOUT);
        emptied.and(restored).map_err(from_sqlite(&self.path))
    }

    /// Ensures that no run is being recorded to the file: long transactions would cost it rows.
    ///
    /// # Errors
    /// When a run is being recorded.
    pub fn ensure_not_recording(&self) -> Result<(), Error> {
        let may_live = |(_, liveness): &&(_, RunLiveness)| *liveness != RunLiveness::Dead;
        match self.unended()?.iter().find(may_live) {
            Some((run, liveness)) => Err(store(
                &self.path,
                format!(
                    "{}: wait until the recording has ended",
                    run.recording_message(*liveness, "to it ")
                ),
            )),
            None => Ok(()),
        }
    }
}

/// Measures everything except the write-ahead log.
fn measure(connection: &Connection) -> rusqlite::Result<Space> {
    let pragma =
        |name: &str| connection.pragma_query_value(None, name, |r| r.get::<_, i64>(0).map(bytes));
    let page = pragma("page_size")?;
    let (file_bytes, free_bytes) = (
        pragma("page_count")? * page,
        pragma("freelist_count")? * page,
    );
    let of_runs = tables::of_runs(connection)?;
    let rows = rows_by_run(connection, &of_runs)?;
    let counted = count_pages(connection)?;
    let is_counted = counted.is_some();
    let sizes = counted.unwrap_or_else(|| estimate(file_bytes - free_bytes, &of_runs, &rows));
    let all_rows = |name: &String| {
        rows.get(name)
            .map(|runs| runs.values().map(|r| r.rows).sum())
    };
    let mut tables: Vec<TableSpace> = sizes
        .iter()
        .map(|(name, &bytes)| TableSpace {
            rows: all_rows(name),
            name: name.clone(),
            bytes,
        })
        .collect();
    tables.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.name.cmp(&b.name)));
    Ok(Space {
        file_bytes,
        free_bytes,
        wal_bytes: 0,
        is_counted,
        tables,
        runs: runs(&sizes, &rows),
    })
}

/// Converts SQLite's signed count.
fn bytes(count: i64) -> u64 {
    count.max(0).unsigned_abs()
}

/// Rows of one run in one table, and their weight.
#[derive(Debug, Clone, Copy)]
struct RunShare {
    rows: i64,
    weight: i64,
}

/// Row counts by table and run.
type RunShares = BTreeMap<String, BTreeMap<i64, RunShare>>;

fn rows_by_run(connection: &Connection, tables: &[RunTable]) -> rusqlite::Result<RunShares> {
    let runs: Vec<i64> = connection
        .prepare("SELECT no FROM runs ORDER BY no")?
        .query_map([], |r| r.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut parts = RunShares::new();
    for table in tables {
        let of_table = match table.run_column() {
            Some(column) => grouped(connection, table, column)?,
            None => ranges(connection, table, &runs)?,
        };
        parts.insert(table.name.clone(), of_table);
    }
    Ok(parts)
}

/// Counts rows by run for keys that begin with the run: grouping scans them in order.
fn grouped(
    connection: &Connection,
    table: &RunTable,
    column: &str,
) -> rusqlite::Result<BTreeMap<i64, RunShare>> {
    let weight = match table.name.as_str() {
        "runs" => format!(
            "sum({RUN_ROW} + coalesce(octet_length(prompt), 0) \
             + coalesce(octet_length(response), 0) + coalesce(octet_length(config), 0))"
        ),
        _ => "count(*)".to_owned(),
    };
    let (column, name) = (quoted(column), quoted(&table.name));
    let sql = format!("SELECT {column}, count(*), {weight} FROM {name} GROUP BY {column}");
    let part = |r: &rusqlite::Row<'_>| {
        let (rows, weight) = (r.get(1)?, r.get(2)?);
        Ok((r.get(0)?, RunShare { rows, weight }))
    };
    connection.prepare(&sql)?.query_map([], part)?.collect()
}

/// Counts rows by ranges of ids that contain the run: grouping by a part of them would sort
/// all.
fn ranges(
    connection: &Connection,
    table: &RunTable,
    runs: &[i64],
) -> rusqlite::Result<BTreeMap<i64, RunShare>> {
    let mut parts = BTreeMap::new();
    for &run in runs {
        let (name, of_run) = (quoted(&table.name), table.of_run(run));
        let sql = format!("SELECT count(*) FROM {name} WHERE {of_run}");
        let rows = connection.query_row(&sql, [], |r| r.get(0))?;
        parts.insert(run, RunShare { rows, weight: rows });
    }
    Ok(parts)
}

/// Returns the bytes of each table with its indexes; `None` if this SQLite lacks `dbstat`.
fn count_pages(connection: &Connection) -> rusqlite::Result<Option<BTreeMap<String, u64>>> {
    let known = "SELECT count(*) > 0 FROM pragma_module_list WHERE name = 'dbstat'";
    if !connection.query_row(known, [], |r| r.get::<_, bool>(0))? {
        return Ok(None);
    }
    let sql = "
        SELECT coalesce(t.tbl_name, s.name), sum(s.pgsize)
        FROM dbstat('main', 1) s LEFT JOIN sqlite_schema t ON t.name = s.name
        GROUP BY 1";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |r| Ok((r.get(0)?, bytes(r.get(1)?))))?;
    rows.collect::<rusqlite::Result<_>>().map(Some)
}

/// Divides `used` among tables by the number of their fields, and for `runs` by text sizes.
fn estimate(used: u64, tables: &[RunTable], rows: &RunShares) -> BTreeMap<String, u64> {
    let weight = |table: &RunTable| {
        let parts = rows
            .get(&table.name)
            .into_iter()
            .flat_map(|runs| runs.values());
        let each = parts.map(|part| match table.name.as_str() {
            "runs" => part.weight,
            _ => part.rows * FIELD * table.width() as i64,
        });
        each.sum::<i64>() as f64
    };
    let all: f64 = tables.iter().map(weight).sum();
    let bytes = |table| (used as f64 * weight(table) / all.max(1.0)) as u64;
    let each = tables
        .iter()
        .map(|table| (table.name.clone(), bytes(table)));
    each.collect()
}

/// Returns each run's share of the tables that belong to runs.
fn runs(bytes: &BTreeMap<String, u64>, rows: &RunShares) -> Vec<RunSpace> {
    let mut runs: BTreeMap<i64, f64> = BTreeMap::new();
    for (table, parts) in rows {
        let all: i64 = parts.values().map(|part| part.weight).sum();
        let bytes = bytes.get(table).copied().unwrap_or(0) as f64;
        for (&run, part) in parts {
            *runs.entry(run).or_default() += bytes * part.weight as f64 / all.max(1) as f64;
        }
    }
    let each = runs.into_iter().map(|(run, bytes)| RunSpace {
        run,
        bytes: bytes as u64,
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_divides_all_that_is_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::create(folder.path().join("a.db")).expect("a file");
        let spans = |run: i64, last: u32| {
            format!(
                "INSERT INTO spans WITH RECURSIVE n(i) AS
                     (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last})
                 SELECT {run} << 40 | i, 1, NULL, NULL, 1, 0, 1, NULL FROM n;"
            )
        };
        let runs = "
            INSERT INTO runs (no, uuid, status, pid, heartbeat_unix_ns, start_unix_ns, version)
            VALUES (1, 'a', 'complete', 1, 0, 0, ''), (2, 'b', 'complete', 1, 0, 0, '');";
        let rows = format!("{runs}{}{}", spans(1, 900), spans(2, 100));
        store.connection().execute_batch(&rows).expect("rows");
        let tables = tables::of_runs(store.connection()).expect("tables");
        let parts = rows_by_run(store.connection(), &tables).expect("rows");
        let bytes = estimate(1_000_000, &tables, &parts);
        let sum: u64 = bytes.values().sum();
        assert!((999_000..=1_000_000).contains(&sum), "{bytes:?}");
        let runs = super::runs(&bytes, &parts);
        assert_eq!(runs.len(), 2);
        assert!(runs[0].bytes > 3 * runs[1].bytes, "{runs:?}");
    }
}
