//! Opens recording files and lists their runs.

use std::path::Path;

use rusqlite::Row;

use super::error::from_sqlite;
use super::store::Store;
use super::{connection, readable_row};
use crate::Error;
use energy_data::rows::{RunMetadata, RunRow, RunStatus};
use energy_host::files::FileAccess;

/// A run with its number in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    /// Its number: `run` in every table, and the upper bits of its span ids.
    pub no: i64,
    /// Wall clock of its latest flush, ns since 1970.
    pub heartbeat_unix_ns: i64,
    /// Run time of its latest flush; `None` before the first one.
    pub last_seen_ns: Option<i64>,
    /// Space of its process id; empty if it cannot be looked up, `None` before the first
    /// flush.
    pub pid_space: Option<String>,
    /// The run.
    pub row: RunRow,
}

/// Runs that lists treat separately, by their numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnusualRuns {
    /// Runs with the status running.
    pub unended: Vec<i64>,
    /// Runs that may be unreadable: all that are, and few others.
    pub doubtful: Vec<i64>,
}

/// Returns the SQL condition that a run has one of these numbers.
pub(super) fn one_of(numbers: &[i64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
    format!("no IN ({})", numbers.join(","))
}

impl Store {
    /// Opens an existing file for reading only.
    ///
    /// # Errors
    /// When it does not exist, is not a recording, or its tables are of another version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        Ok(Self::reading(connection::open_read_only(&path)?, path))
    }

    /// Opens an existing file for reading and writing and migrates its tables.
    ///
    /// # Errors
    /// As [`Store::open`], or when it cannot be written.
    pub fn open_writable(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        Ok(Self::writing(connection::open_writable(&path)?, path))
    }

    /// Opens the file as [`Store::open_writable`] does, and creates it if missing.
    ///
    /// # Errors
    /// When it cannot be written, or was written by a newer version.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let connection = connection::create(&path, FileAccess::of_process())?;
        Ok(Self::writing(connection, path))
    }

    /// Returns all runs, oldest first, without those that join another run.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn runs(&self) -> Result<Vec<StoredRun>, Error> {
        self.runs_where("parent_run IS NULL ORDER BY no", "")
    }

    /// Returns the runs of other processes that join the run with that uuid.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn joining(&self, uuid: &str) -> Result<Vec<StoredRun>, Error> {
        self.runs_where("parent_run = ?1 ORDER BY no", uuid)
    }

    /// Returns the runs that fulfil `condition`, in which `?1` is `value`. Runs with an unreadable row
    /// are left out.
    pub(super) fn runs_where(&self, condition: &str, value: &str) -> Result<Vec<StoredRun>, Error> {
        let read = || -> rusqlite::Result<Vec<StoredRun>> {
            // `?1` is selected so that conditions without a value are valid, too.
            let sql = format!("SELECT runs.*, ?1 FROM runs WHERE {condition}");
            let mut statement = self.connection.prepare(&sql)?;
            let mut runs = Vec::new();
            for run in statement.query_map([value], stored_run)? {
                match run {
                    // Only this run is unreadable.
                    Err(error) if is_bad_value(&error) => {}
                    run => runs.push(run?),
                }
            }
            for run in &mut runs {
                run.row.metadata.tags = self.tags(run.no)?;
            }
            Ok(runs)
        };
        read().map_err(from_sqlite(&self.path))
    }

    fn tags(&self, run: i64) -> rusqlite::Result<Vec<(String, String)>> {
        self.connection
            .prepare_cached("SELECT key, value FROM run_tags WHERE run = ?1 ORDER BY key")?
            .query_map([run], |r| Ok((r.get(0)?, r.get(1)?)))?
            .filter(|tag| !matches!(tag, Err(error) if is_bad_value(error)))
            .collect()
    }

    /// Finds the runs that lists treat separately, in one pass over all runs.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unusual_runs(&self) -> Result<UnusualRuns, Error> {
        let find = || -> rusqlite::Result<UnusualRuns> {
            readable_row::register(&self.connection)?;
            let may_be_unreadable = readable_row::may_be_unreadable();
            let sql = format!(
                "SELECT no, status = 'running', {may_be_unreadable} FROM runs
                 WHERE status = 'running' OR {may_be_unreadable} ORDER BY no"
            );
            let mut statement = self.connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            let mut unusual = UnusualRuns::default();
            while let Some(row) = rows.next()? {
                let no = row.get(0)?;
                if row.get::<_, Option<bool>>(1)? == Some(true) {
                    unusual.unended.push(no);
                }
                if row.get::<_, Option<bool>>(2)? == Some(true) {
                    unusual.doubtful.push(no);
                }
            }
            Ok(unusual)
        };
        find().map_err(from_sqlite(&self.path))
    }

    /// Returns the runs with an unreadable row, in which a value has a wrong type: id, and the error.
    /// Other queries leave them out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unreadable_runs(&self) -> Result<Vec<(String, String)>, Error> {
        self.unreadable_among(&self.unusual_runs()?.doubtful)
    }

    /// Returns those of the runs with the numbers `only` that have an unreadable row, as
    /// [`Store::unreadable_runs`] does. Other rows are not read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unreadable_among(&self, only: &[i64]) -> Result<Vec<(String, String)>, Error> {
        match only {
            [] => Ok(Vec::new()),
            only => self.unreadable_where(&one_of(only), ""),
        }
    }

    /// Returns those of the unreadable runs that fulfil `condition`, in which `?1` is `value`.
    pub(super) fn unreadable_where(
        &self,
        condition: &str,
        value: &str,
    ) -> Result<Vec<(String, String)>, Error> {
        let sql = from_sqlite(&self.path);
        let text = format!("SELECT runs.*, ?1 FROM runs WHERE {condition} ORDER BY no");
        let mut statement = self.connection.prepare(&text).map_err(&sql)?;
        let mut rows = statement.query([value]).map_err(&sql)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(&sql)? {
            match stored_run(row) {
                Err(error) if is_bad_value(&error) => {
                    let id = row.get_ref("uuid").map_err(&sql)?;
                    let id = id
                        .as_bytes()
                        .map(String::from_utf8_lossy)
                        .unwrap_or_default();
                    found.push((id.into_owned(), error.to_string()));
                }
                run => drop(run.map_err(&sql)?),
            }
        }
        Ok(found)
    }
}

/// Returns whether an error concerns one value, which has another type than its column, and not the
/// file.
pub fn is_bad_value(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
    };
    matches!(
        error,
        FromSqlConversionFailure(..)
            | IntegralValueOutOfRange(..)
            | InvalidColumnType(..)
            | Utf8Error(..)
    )
}

fn stored_run(r: &Row<'_>) -> rusqlite::Result<StoredRun> {
    Ok(StoredRun {
        no: r.get("no")?,
        heartbeat_unix_ns: r.get("heartbeat_unix_ns")?,
        last_seen_ns: r.get("last_seen_ns")?,
        pid_space: r.get("pid_space")?,
        row: RunRow {
            uuid: r.get("uuid")?,
            status: RunStatus::from_name(&r.get::<_, String>("status")?)
                .unwrap_or(RunStatus::Crashed),
            pid: r.get("pid")?,
            pid_start: r.get("pid_start")?,
            boot_id: r.get("boot_id")?,
            start_unix_ns: r.get("start_unix_ns")?,
            // A run cannot end before its start.
            end_ns: r.get::<_, Option<i64>>("end_ns")?.filter(|ns| *ns >= 0),
            host_id: r.get("host_id")?,
            host: r.get("host")?,
            os: r.get("os")?,
            chip: r.get("chip")?,
            version: r.get("version")?,
            parent_run: r.get("parent_run")?,
            metadata: metadata(r)?,
        },
    })
}

/// Reads metadata without tags, which are in their own table.
fn metadata(r: &Row<'_>) -> rusqlite::Result<RunMetadata> {
    Ok(RunMetadata {
        name: r.get("name")?,
        model: r.get("model")?,
        prompt: r.get("prompt")?,
        response: r.get("response")?,
        engine: r.get("engine")?,
        precision: r.get("precision")?,
        batch: r.get("batch")?,
        input_tokens: r.get("input_tokens")?,
        output_tokens: r.get("output_tokens")?,
        experiment: r.get("experiment")?,
        tags: Vec::new(),
        config: r.get("config")?,
    })
}
