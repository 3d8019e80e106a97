//! Copies runs from other recording files.
//!
//! ```text
//! source, read only          this file
//! run 3  uuid a  3 << 40 | 7    ->   run 12  uuid a  12 << 40 | 7
//! run 4  uuid b                 ->   exists already: skipped
//! ```
//!
//! A source with tables of an older version is copied and the copy is migrated: a source
//! never changes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::{Connection, OptionalExtension, params};

use super::chunked_transaction::ChunkedTransaction;
use super::connection;
use super::error::{from_sqlite, store};
use super::frozen_file::OpenedFile;
use super::row_move::RowMove;
use super::tables;
use super::{RunLiveness, SCHEMA_VERSION, StoredRun, migrations};
use crate::Error;
use crate::store::Store;
use energy_host as host;
use energy_host::files::FileAccess;

/// A file that runs are copied from.
#[derive(Debug)]
pub struct MergeSource {
    store: Store,
    /// URI by which it is attached.
    uri: String,
    /// The migrated copy, removed with the source.
    _copy: Option<MigratedCopy>,
}

impl MergeSource {
    /// Opens the recording at `path` for reading. A copy of an older file is created in
    /// `folder` and removed when the source is dropped.
    ///
    /// # Errors
    /// When it does not exist, is not a recording, was written by a newer version, or
    /// cannot be copied.
    pub fn open(path: impl AsRef<Path>, folder: &Path) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let mut opened = connection::read_only(&path)?;
        let copy = match migrations::check(&opened.connection, &path)? {
            SCHEMA_VERSION => None,
            0 => return Err(store(&path, "it has no tables: nothing was recorded to it")),
            _ => {
                let source = &opened.connection;
                let copy = MigratedCopy::up_to_date(migrations::STEPS, source, &path, folder)?;
                opened = OpenedFile {
                    connection: copy.open(&path)?,
                    uri: copy.uri(),
                    frozen: None,
                };
                Some(copy)
            }
        };
        let uri = opened.uri.clone();
        Ok(Self {
            store: Store::reading(opened, path),
            uri,
            _copy: copy,
        })
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        self.store.path()
    }

    /// Returns its runs, oldest first; dead ones read as crashed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn runs(&self) -> Result<Vec<(StoredRun, RunLiveness)>, Error> {
        self.store.runs_with_liveness()
    }
}

/// Prefix of the names of copies; the process id follows.
const COPY: &str = ".energy-merge-";

/// A copy of an older file with tables of this version, removed when it is dropped.
#[derive(Debug)]
struct MigratedCopy(PathBuf);

impl MigratedCopy {
    /// Copies `source` into `folder` and migrates the copy by `steps`.
    fn up_to_date(
        steps: &[&str],
        source: &Connection,
        path: &Path,
        folder: &Path,
    ) -> Result<Self, Error> {
        static COPIES: AtomicU32 = AtomicU32::new(0);
        let number = COPIES.fetch_add(1, Ordering::Relaxed);
        remove_orphaned_copies(folder);
        let name = format!("{COPY}{}-{number}.db", std::process::id());
        let copy = Self(folder.join(name));
        // SQLite writes into an existing empty file, created here readable by the owner only.
        FileAccess::Owner
            .create_missing(&copy.0)
            .map_err(|source| Error::Io {
                path: copy.0.clone(),
                source,
            })?;
        let target = connection::uri(&copy.0, "mode=rw");
        source
            .execute("VACUUM INTO ?1", [target])
            .map_err(from_sqlite(path))?;
        let mut connection = Connection::open(&copy.0).map_err(from_sqlite(path))?;
        migrations::apply(steps, &mut connection, path)?;
        Ok(copy)
    }

    /// Returns its URI: immutable, because it is complete.
    fn uri(&self) -> String {
        connection::uri(&self.0, "mode=ro&immutable=1")
    }

    fn open(&self, path: &Path) -> Result<Connection, Error> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY
            | rusqlite::OpenFlags::SQLITE_OPEN_URI
            | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(self.uri(), flags).map_err(from_sqlite(path))
    }
}

/// Removes copies left behind by killed merges.
fn remove_orphaned_copies(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let left = name.to_str().and_then(|name| name.strip_prefix(COPY));
        let pid = left.and_then(|left| left.split('-').next()?.parse().ok());
        let is_gone = |pid| pid != std::process::id() && host::process_start(pid).is_none();
        if pid.is_some_and(is_gone) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

impl Drop for MigratedCopy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Copies runs into a file; each in a transaction of its own.
#[derive(Debug)]
pub struct Merge<'s> {
    into: &'s Store,
    /// The currently attached source.
    attached: Option<PathBuf>,
}

/// Schema name of an attached source.
const SOURCE: &str = "merge_source";

impl Store {
    /// Starts a merge into this file, which must be open for writing.
    pub fn merge(&self) -> Merge<'_> {
        Merge {
            into: self,
            attached: None,
        }
    }
}

impl Merge<'_> {
    /// Copies run number `run` of `source` with all its rows; returns its number here.
    /// `None` if a run of that uuid exists here already, which is not changed.
    ///
    /// # Errors
    /// When it is being recorded, one of the files cannot be read or written, or there is
    /// no such run; then nothing is copied.
    pub fn run(&mut self, source: &MergeSource, run: i64) -> Result<Option<i64>, Error> {
        match source.store.liveness_of(run)? {
            None => {
                let message = format!("it holds no run number {run}");
                return Err(store(source.path(), message));
            }
            Some((found, liveness @ (RunLiveness::Alive | RunLiveness::Uncertain))) => {
                let recording = found.recording_message(liveness, "");
                let message = format!("{recording}: merge it after the recording has ended");
                return Err(store(source.path(), message));
            }
            Some(_) => {}
        }
        self.attach(source)?;
        let copied = copy_run(&self.into.connection, run);
        copied.map_err(|error| self.name_file(source, &error))
    }

    /// Copies calibrations that this file lacks; returns how many.
    ///
    /// # Errors
    /// When one of the files cannot be read or written.
    pub fn calibrations(&mut self, source: &MergeSource) -> Result<usize, Error> {
        self.attach(source)?;
        let copied = copy_calibrations(&self.into.connection);
        copied.map_err(|error| self.name_file(source, &error))
    }

    /// Copies experiments with their trials that this file lacks; returns how many. An experiment
    /// that exists here is not changed.
    ///
    /// # Errors
    /// When one of the files cannot be read or written.
    pub fn experiments(&mut self, source: &MergeSource) -> Result<usize, Error> {
        self.attach(source)?;
        let copied = copy_experiments(&self.into.connection);
        copied.map_err(|error| self.name_file(source, &error))
    }

    fn attach(&mut self, source: &MergeSource) -> Result<(), Error> {
        if self.attached.as_deref() == Some(source.path()) {
            return Ok(());
        }
        self.detach();
        let sql = format!("ATTACH ?1 AS {SOURCE}");
        let attached = self.into.connection.execute(&sql, [&source.uri]);
        attached.map_err(from_sqlite(source.path()))?;
        self.attached = Some(source.path().to_owned());
        Ok(())
    }

    fn detach(&mut self) {
        if self.attached.take().is_some() {
            self.into.connection.flush_prepared_statement_cache();
            let _ = self
                .into
                .connection
                .execute_batch(&format!("DETACH {SOURCE}"));
        }
    }

    /// Converts an error to one that names the affected file: the source if it is damaged,
    /// else this file.
    fn name_file(&self, source: &MergeSource, error: &rusqlite::Error) -> Error {
        let damaged = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseCorrupt);
        let path = match damaged && !is_intact(&self.into.connection, SOURCE) {
            true => source.path(),
            false => self.into.path(),
        };
        store(path, super::error::explain(error))
    }
}

impl Drop for Merge<'_> {
    fn drop(&mut self) {
        self.detach();
    }
}

fn is_intact(connection: &Connection, database: &str) -> bool {
    let sql = format!("PRAGMA {database}.quick_check(1)");
    let verdict = connection.query_row(&sql, [], |r| r.get::<_, String>(0));
    verdict.is_ok_and(|verdict| verdict == "ok")
}

fn copy_run(connection: &Connection, from: i64) -> rusqlite::Result<Option<i64>> {
    let transaction = ChunkedTransaction::begin_atomic(connection)?;
    let uuid = format!("SELECT uuid FROM {SOURCE}.runs WHERE no = ?1");
    let uuid: String = connection.query_row(&uuid, [from], |r| r.get(0))?;
    let here = "SELECT 1 FROM main.runs WHERE uuid = ?1";
    if connection
        .query_row(here, [uuid], |_| Ok(()))
        .optional()?
        .is_some()
    {
        return Ok(None);
    }
    let next = "SELECT coalesce(max(no), 0) + 1 FROM main.runs";
    let to = connection.query_row(next, [], |r| r.get(0))?;
    let moved = RowMove {
        source: SOURCE,
        from,
        to,
        numbers: None,
    };
    for table in tables::of_runs(connection)? {
        connection.execute(&moved.copy(&table), [])?;
    }
    transaction.commit()?;
    Ok(Some(to))
}

/// Columns of a calibration that identify it.
const CALIBRATION: &str =
    "created_unix_ns, machine, model, precision, threads, device, depth, source";

/// Calibrations have no global id; one is identified by its creation time and key.
fn copy_calibrations(connection: &Connection) -> rusqlite::Result<usize> {
    let transaction = ChunkedTransaction::begin_atomic(connection)?;
    let new = format!(
        "SELECT id FROM {SOURCE}.calibrations
         WHERE ({CALIBRATION}) NOT IN (SELECT {CALIBRATION} FROM main.calibrations) ORDER BY id"
    );
    let new: Vec<i64> = connection
        .prepare(&new)?
        .query_map([], |r| r.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let columns = |table, number: &str| -> rusqlite::Result<String> {
        let mut columns = tables::columns_of(connection, table)?;
        columns.retain(|column| *column != tables::quoted(number));
        Ok(columns.join(", "))
    };
    let (own, of_kinds) = (
        columns("calibrations", "id")?,
        columns("calibration_kinds", "calibration")?,
    );
    let head = format!(
        "INSERT INTO main.calibrations ({own})
         SELECT {own} FROM {SOURCE}.calibrations WHERE id = ?1"
    );
    let kinds = format!(
        "INSERT INTO main.calibration_kinds (calibration, {of_kinds})
         SELECT ?2, {of_kinds} FROM {SOURCE}.calibration_kinds WHERE calibration = ?1"
    );
    for id in &new {
        connection.execute(&head, [id])?;
        let here = connection.last_insert_rowid();
        connection.execute(&kinds, params![id, here])?;
    }
    transaction.commit()?;
    Ok(new.len())
}

fn copy_experiments(connection: &Connection) -> rusqlite::Result<usize> {
    let transaction = ChunkedTransaction::begin_atomic(connection)?;
    for (table, key) in [("trials", "experiment"), ("experiments", "id")] {
        let columns = tables::columns_of(connection, table)?.join(", ");
        let copy = format!(
            "INSERT INTO main.{table} ({columns}) SELECT {columns} FROM {SOURCE}.{table}
             WHERE {key} NOT IN (SELECT id FROM main.experiments)"
        );
        // Trials first: afterwards the experiment exists. The constraint is checked at the end.
        connection.pragma_update(None, "defer_foreign_keys", true)?;
        connection.execute(&copy, [])?;
    }
    let copied = connection.changes();
    transaction.commit()?;
    Ok(usize::try_from(copied).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The later version is made up.
    #[test]
    fn an_older_source_is_merged_from_a_migrated_copy_that_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("old.db");
        drop(Store::create(&path).expect("a new file"));
        let before = std::fs::read(&path).expect("its bytes");
        // A copy left behind by a killed merge: no process has that id.
        let left = folder.path().join(".energy-merge-4294967295-0.db");
        std::fs::write(left, "").expect("written");
        let source = connection::read_only(&path).expect("readable").connection;
        let later = [migrations::STEPS, &["CREATE TABLE places (run INTEGER)"]].concat();
        let copy = MigratedCopy::up_to_date(&later, &source, &path, folder.path());
        let copy = copy.expect("a copy");
        let migrated = copy.open(&path).expect("opens");
        migrated
            .prepare("SELECT run FROM places")
            .expect("migrated");
        assert_eq!(std::fs::read(&path).expect("its bytes"), before);
        let names = || {
            let entries = std::fs::read_dir(folder.path()).expect("a folder");
            let names = entries.map(|entry| entry.expect("an entry").file_name());
            let mut names: Vec<_> = names
                .map(|name| name.to_string_lossy().into_owned())
                .collect();
            names.retain(|name| name.contains("merge"));
            names
        };
        let own = format!(".energy-merge-{}-", std::process::id());
        assert!(
            matches!(&names()[..], [one] if one.starts_with(&own)),
            "{:?}",
            names()
        );
        drop((migrated, copy));
        assert!(names().is_empty(), "{:?}", names());
    }
}
