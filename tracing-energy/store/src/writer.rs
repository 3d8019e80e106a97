//! The sink that writes a recording to SQLite.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::chunked_transaction::ChunkedTransaction;
use super::error::explain;
use super::file_id::{FileId, file_id};
use super::lease::{self, Renewal, RunOwnership};
use super::unwritten::Unwritten;
use super::{connection, insert, insert_attribution};
use crate::Error;
use energy_data::rows::{AttributionRow, RunRow, RunStatus};
use energy_data::sink::{Batch, Sink, SinkError};
use energy_host::files::FileAccess;
use energy_host::{self as host, Host};

/// Time that the first batch, and each one after a success, waits for another writer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time that a batch waits after a failed one: its rows are likely lost as well, and the
/// recorder must not fall behind.
const PATIENCE_IN_ERROR: Duration = Duration::from_millis(100);
/// Time that the batch that ends the run waits: without it the whole run counts as crashed.
const PATIENCE_AT_END: Duration = Duration::from_secs(30);

/// Writes a recording to a SQLite file, in addition to its existing runs.
///
/// Readers may read concurrently, and other processes may record to the same file: no write
/// transaction lasts longer than about 50 ms. After an error the next batch is tried again.
/// Rows of the failed batch are lost, except those that later rows refer to (the run,
/// rails, threads, callsites, nodes, baselines, conditions, the head of the attribution),
/// events, and the ends of activations stored as open, which are written with the next
/// batch.
///
/// Each batch renews the lease of the run. If another process closed the run because it
/// assumed this one dead, the next batch reopens it.
#[derive(Debug)]
pub struct SqliteSink {
    path: PathBuf,
    /// `None` once finished.
    connection: Option<Connection>,
    file: Option<FileId>,
    run: Option<i64>,
    /// Id of the attribution being written, from its latest head.
    attribution: u32,
    unwritten: Unwritten,
    /// Latest start of an activation stored as open.
    open_until_ns: i64,
    recorder: Recorder,
}

/// The recorder's own state in the file.
#[derive(Debug)]
struct Recorder {
    /// Name of the holder of the lease.
    lease: String,
    pid_space: String,
    /// The run's uuid, once known.
    uuid: Option<String>,
    /// The latest head of the attribution.
    head: Option<AttributionRow>,
    /// Set when the run was closed by another process and reopened.
    was_closed: Arc<AtomicBool>,
}

impl SqliteSink {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// When the file cannot be opened or written, or was written by a newer version.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::create_for(path, FileAccess::of_process())
    }

    /// Opens the file as [`SqliteSink::create`] does, readable by `access` if it is new.
    ///
    /// # Errors
    /// As [`SqliteSink::create`].
    pub fn create_for(path: impl AsRef<Path>, access: FileAccess) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let connection = connection::create(&path, access)?;
        Ok(Self {
            file: file_id(&path),
            connection: Some(connection),
            path,
            run: None,
            attribution: 1,
            unwritten: Unwritten::default(),
            open_until_ns: i64::MIN,
            recorder: Recorder {
                lease: format!("recorder {}", uuid::Uuid::new_v4()),
                pid_space: Host::here().pid_space.unwrap_or_default(),
                uuid: None,
                head: None,
                was_closed: Arc::default(),
            },
        })
    }

    /// Returns a flag that is set when another process closed the run while it was
    /// recorded: its attribution is then incomplete.
    pub fn was_closed(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.recorder.was_closed)
    }

    /// Returns the run's number in the file, once its first batch was written.
    pub fn run(&self) -> Option<i64> {
        self.run
    }

    fn try_write(&mut self, batch: &Batch) -> Result<(), String> {
        // SQLite would continue to write to an unlinked file.
        if file_id(&self.path) != self.file {
            return Err("the file was removed or replaced while it was written; the recording is lost, restart the program to record again".into());
        }
        let connection = self
            .connection
            .as_ref()
            .ok_or("the recording is finished: nothing more can be written")?;
        if let Some(head) = &batch.attribution.head {
            self.attribution = head.id;
            self.recorder.head = Some(head.clone());
        }
        if let Some(row) = &batch.run {
            self.recorder.uuid = Some(row.uuid.clone());
        }
        let is_end = batch.run.as_ref().is_some_and(|row| row.end_ns.is_some());
        let patience = match (is_end, self.unwritten.is_empty()) {
            (true, _) => PATIENCE_AT_END,
            (false, true) => PATIENCE,
            (false, false) => PATIENCE_IN_ERROR,
        };
        let patient = connection.busy_timeout(patience);
        let mut transaction = patient
            .and_then(|()| ChunkedTransaction::begin(connection))
            .map_err(|error| explain(&error))?;
        let target = (self.run, self.attribution);
        let run = write_all(
            &mut transaction,
            target,
            &self.recorder,
            self.unwritten.rows(),
            batch,
        );
        let in_part = transaction.has_committed();
        let run = run.and_then(|run| transaction.commit().map(|()| run).map_err(Refused::Sqlite));
        if run.is_ok() || in_part {
            self.open_until_ns = self.open_until_ns.max(batch.time_ns);
        }
        self.run = Some(run.map_err(|error| match error {
            Refused::NoRun => "rows were written before their run".to_owned(),
            Refused::Deleted => "its run was deleted from the file while it was recorded; later rows are lost, restart the program to record again".to_owned(),
            Refused::Sqlite(error) => explain(&error),
        })?);
        Ok(())
    }

    fn named(&self, message: &str) -> SinkError {
        SinkError::new(format!("database {}: {message}", self.path.display()))
    }
}

impl Sink for SqliteSink {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        match self.try_write(batch) {
            Ok(()) => {
                self.unwritten = Unwritten::default();
                Ok(())
            }
            Err(message) => {
                self.unwritten.keep(batch, self.open_until_ns);
                Err(self.named(&message))
            }
        }
    }

    fn lost_rows(&self, batch: &Batch) -> u64 {
        let kept = batch.spans.iter();
        let kept = kept.filter(|row| Unwritten::keeps(row, self.open_until_ns));
        batch.rows().saturating_sub(kept.count() as u64)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let Some(connection) = self.connection.take() else {
            return Ok(());
        };
        // Followers then know that nothing more will be written. If it fails they wait a moment.
        if let Some(run) = self.run {
            let _ = lease::release(&connection, run, &self.recorder.lease);
        }
        // Without a concurrent reader the WAL is checkpointed here; otherwise the last
        // connection to close does it.
        let _ = connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);");
        let closed = connection.close().map_err(|(_, error)| explain(&error));
        closed.map_err(|message| self.named(&message))
    }
}

enum Refused {
    NoRun,
    Deleted,
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Writes the kept rows of earlier batches and this one; returns the run's number.
fn write_all(
    transaction: &mut ChunkedTransaction<'_>,
    (run, attribution): (Option<i64>, u32),
    recorder: &Recorder,
    earlier: &Batch,
    batch: &Batch,
) -> Result<i64, Refused> {
    let connection = transaction.connection();
    if let (Some(run), Some(uuid)) = (run, &recorder.uuid) {
        recorder.find(connection, run, uuid, attribution)?;
    }
    let row = batch.run.as_ref().or(earlier.run.as_ref());
    let run = match (run, row) {
        (Some(run), _) => run,
        (None, Some(row)) => insert::run_number(connection, &row.uuid)?,
        (None, None) => return Err(Refused::NoRun),
    };
    if let Some(row) = row {
        insert::run(connection, run, &unended(row), batch.heartbeat_unix_ns)?;
    }
    let renewal = Renewal {
        lease: &recorder.lease,
        pid_space: &recorder.pid_space,
        time_ns: batch.time_ns,
        unix_ns: batch.heartbeat_unix_ns,
    };
    lease::renew(connection, run, &renewal)?;
    write_needed(transaction, run, earlier)?;
    write_needed(transaction, run, batch)?;
    insert::spans(transaction, run, &earlier.spans)?;
    write_rows(transaction, run, batch)?;
    insert_attribution::rows(transaction, run, attribution, &earlier.attribution)?;
    insert_attribution::rows(transaction, run, attribution, &batch.attribution)?;
    // Last, and not split: a loss must not be counted twice.
    insert::events(connection, run, &earlier.events)?;
    insert::events(connection, run, &batch.events)?;
    // Readers of a run that has ended find all its rows, although the transaction may be split.
    if let Some(row) = row.filter(|row| row.status != RunStatus::Running) {
        insert::run(connection, run, row, batch.heartbeat_unix_ns)?;
    }
    Ok(run)
}

/// Returns the run as it is before its end.
fn unended(row: &RunRow) -> RunRow {
    RunRow {
        status: RunStatus::Running,
        end_ns: None,
        ..row.clone()
    }
}

impl Recorder {
    /// Ensures that the run may be written to; reopens it if it was closed.
    fn find(
        &self,
        connection: &Connection,
        run: i64,
        uuid: &str,
        attribution: u32,
    ) -> Result<(), Refused> {
        match lease::find(connection, run, uuid)? {
            RunOwnership::Own => Ok(()),
            RunOwnership::Missing => Err(Refused::Deleted),
            RunOwnership::Closed(closed_ns) => {
                lease::reopen(connection, run, closed_ns, attribution)?;
                if let Some(head) = &self.head {
                    insert_attribution::head(connection, run, head.id, head, host::unix_ns())?;
                }
                self.was_closed.store(true, Ordering::Relaxed);
                Ok(())
            }
        }
    }
}

/// Writes rows that others refer to, and the few that cannot be replaced.
fn write_needed(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    batch: &Batch,
) -> rusqlite::Result<()> {
    insert::rails(transaction, run, &batch.rails)?;
    insert::processes(transaction, run, &batch.processes)?;
    insert::threads(transaction, run, &batch.threads)?;
    insert::callsites(transaction, run, &batch.callsites)?;
    insert::nodes(transaction, run, &batch.nodes)?;
    insert::baselines(transaction, run, &batch.baselines)?;
    insert::conditions(transaction, run, &batch.conditions)?;
    match &batch.attribution.head {
        Some(head) => insert_attribution::head(
            transaction.connection(),
            run,
            head.id,
            head,
            batch.heartbeat_unix_ns,
        ),
        None => Ok(()),
    }
}

fn write_rows(
    transaction: &mut ChunkedTransaction<'_>,
    run: i64,
    batch: &Batch,
) -> rusqlite::Result<()> {
    insert::instances(transaction, run, &batch.instances)?;
    insert::spans(transaction, run, &batch.spans)?;
    insert::fields(transaction, run, &batch.fields)?;
    insert::node_windows(transaction, run, &batch.node_windows)?;
    insert::links(transaction, run, &batch.links)?;
    insert::span_events(transaction, run, &batch.span_events)?;
    insert::cpu(transaction, run, &batch.cpu)?;
    insert::samples(transaction, run, &batch.samples)?;
    insert::sensor_metrics(transaction, run, &batch.sensor_metrics)?;
    insert::device_use(transaction, run, &batch.device_use)
}

#[cfg(test)]
mod tests {
    use super::*;
    use energy_data::rows::{RunMetadata, SpanEventRow};

    fn run() -> RunRow {
        RunRow {
            uuid: "a".into(),
            status: RunStatus::Running,
            pid: 1,
            pid_start: None,
            boot_id: None,
            start_unix_ns: 0,
            end_ns: None,
            host_id: None,
            host: None,
            os: None,
            chip: None,
            version: "0".into(),
            parent_run: None,
            metadata: RunMetadata::default(),
        }
    }

    #[test]
    fn a_full_disk_is_reported_with_the_file_and_writing_continues_later() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut sink = SqliteSink::create(folder.path().join("full.db")).expect("a new file");
        let begin = Batch {
            run: Some(run()),
            ..Batch::default()
        };
        sink.write(&begin).expect("written");
        let limit = |sink: &SqliteSink, pages: i64| {
            let connection = sink.connection.as_ref().expect("not finished");
            connection
                .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
                .expect("a limit");
        };
        limit(&sink, 1);
        let span_event = SpanEventRow {
            time_ns: 0,
            thread: 1,
            span: None,
            callsite: 1,
            json: "x".repeat(10_000),
        };
        let large = Batch {
            span_events: vec![span_event; 10],
            ..Batch::default()
        };
        let message = sink.write(&large).expect_err("full").to_string();
        assert!(
            message.contains("full.db") && message.contains("free some disk space"),
            "{message}"
        );
        limit(&sink, 1_000_000);
        sink.write(&large).expect("written");
        sink.finish().expect("finished");
        assert!(sink.write(&large).is_err());
    }
}
