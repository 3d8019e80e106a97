//! The sink that writes a recording to SQLite.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::error::explain;
use super::pace::Pace;
use super::{connection, insert, insert_attribution};
use crate::Error;
use crate::files::FileAccess;
use crate::sink::{Batch, Sink};

/// Writes a recording to a SQLite file, beside the runs that are in it already.
///
/// A reader may look on meanwhile, and other processes may record to the same
/// file: no write transaction lasts longer than about 50 ms. After an error the
/// next batch is tried again; rows of the failed one are lost, but for those
/// that later rows refer to (the run, rails, threads, callsites, nodes,
/// baselines, conditions, the head of the attribution) and the ends of activations that are
/// in the file as open, which are written with it.
#[derive(Debug)]
pub struct SqliteSink {
    path: PathBuf,
    /// None once finished.
    connection: Option<Connection>,
    file: Option<FileId>,
    run: Option<i64>,
    /// The attribution that is being written, by its latest head.
    attribution: u32,
    unwritten: Batch,
    /// No activation that is open in the file began later.
    open_until_ns: i64,
}

impl SqliteSink {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// When the file cannot be opened or written, or is newer than this program.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::create_for(path, FileAccess::of_process())
    }

    /// [`SqliteSink::create`], where a new file may be read by `access`.
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
            unwritten: Batch::default(),
            open_until_ns: i64::MIN,
        })
    }

    /// The run's number in the file, once its first batch was written.
    pub fn run(&self) -> Option<i64> {
        self.run
    }

    fn try_write(&mut self, batch: &Batch) -> Result<(), String> {
        // SQLite would go on writing to a file that nobody can open any more.
        if file_id(&self.path) != self.file {
            return Err("the file was removed or replaced while it was written; what was recorded is lost, restart the program to record again".into());
        }
        let connection = self
            .connection
            .as_ref()
            .ok_or("the recording is finished: nothing more can be written")?;
        let head = batch.attribution.head.as_ref();
        self.attribution = head.map_or(self.attribution, |head| head.id);
        let target = (self.run, self.attribution);
        let mut pace = Pace::begin(connection).map_err(|error| explain(&error))?;
        let run = write_all(&mut pace, target, &self.unwritten, batch);
        let in_part = pace.has_committed();
        let run = run.and_then(|run| pace.commit().map(|()| run).map_err(Refused::Sqlite));
        if run.is_ok() || in_part {
            self.open_until_ns = self.open_until_ns.max(batch.time_ns);
        }
        self.run = Some(run.map_err(|error| match error {
            Refused::NoRun => "rows came before their run".to_owned(),
            Refused::Sqlite(error) => explain(&error),
        })?);
        Ok(())
    }

    fn named(&self, message: String) -> String {
        format!("database {}: {message}", self.path.display())
    }
}

impl Sink for SqliteSink {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn write(&mut self, batch: &Batch) -> Result<(), String> {
        match self.try_write(batch) {
            Ok(()) => {
                self.unwritten = Batch::default();
                Ok(())
            }
            Err(message) => {
                keep_needed(&mut self.unwritten, batch, self.open_until_ns);
                Err(self.named(message))
            }
        }
    }

    fn finish(&mut self) -> Result<(), String> {
        let Some(connection) = self.connection.take() else {
            return Ok(());
        };
        // Without a reader at this moment the WAL goes into the file; otherwise the
        // last one to close it does that.
        let _ = connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);");
        let closed = connection.close().map_err(|(_, error)| explain(&error));
        closed.map_err(|message| self.named(message))
    }
}

enum Refused {
    NoRun,
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Writes what is left of earlier batches and this one; gives the run's number.
fn write_all(
    pace: &mut Pace<'_>,
    (run, attribution): (Option<i64>, u32),
    earlier: &Batch,
    batch: &Batch,
) -> Result<i64, Refused> {
    let connection = pace.connection();
    let row = batch.run.as_ref().or(earlier.run.as_ref());
    let run = match (run, row) {
        (Some(run), _) => run,
        (None, Some(row)) => insert::run_number(connection, &row.uuid)?,
        (None, None) => return Err(Refused::NoRun),
    };
    if let Some(row) = row {
        insert::run(connection, run, row, batch.heartbeat_unix_ns)?;
    } else {
        heartbeat(connection, run, batch.heartbeat_unix_ns)?;
    }
    write_needed(pace, run, earlier)?;
    write_needed(pace, run, batch)?;
    insert::spans(pace, run, &earlier.spans)?;
    write_rows(pace, run, batch)?;
    insert_attribution::rows(pace, run, attribution, &batch.attribution)?;
    Ok(run)
}

fn heartbeat(connection: &Connection, run: i64, unix_ns: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE runs SET heartbeat_unix_ns = ?2 WHERE no = ?1")?
        .execute([run, unix_ns])?;
    Ok(())
}

/// Rows that others refer to, and the few that nothing could replace.
fn write_needed(pace: &mut Pace<'_>, run: i64, batch: &Batch) -> rusqlite::Result<()> {
    insert::rails(pace, run, &batch.rails)?;
    insert::processes(pace, run, &batch.processes)?;
    insert::threads(pace, run, &batch.threads)?;
    insert::callsites(pace, run, &batch.callsites)?;
    insert::nodes(pace, run, &batch.nodes)?;
    insert::baselines(pace, run, &batch.baselines)?;
    insert::conditions(pace, run, &batch.conditions)?;
    match &batch.attribution.head {
        Some(head) => insert_attribution::head(
            pace.connection(),
            run,
            head.id,
            head,
            batch.heartbeat_unix_ns,
        ),
        None => Ok(()),
    }
}

fn write_rows(pace: &mut Pace<'_>, run: i64, batch: &Batch) -> rusqlite::Result<()> {
    insert::instances(pace, run, &batch.instances)?;
    insert::spans(pace, run, &batch.spans)?;
    insert::fields(pace, run, &batch.fields)?;
    insert::node_windows(pace, run, &batch.node_windows)?;
    insert::links(pace, run, &batch.links)?;
    insert::marks(pace, run, &batch.marks)?;
    insert::cpu(pace, run, &batch.cpu)?;
    insert::samples(pace, run, &batch.samples)?;
    insert::extras(pace, run, &batch.extras)?;
    insert::events(pace, run, &batch.events)
}

/// Keeps of a batch that failed what later rows refer to, and what ends an
/// activation that is open in the file. All of it is bounded: rails, threads and
/// conditions are few, callsites are code, nodes have a limit, and only so many
/// activations were open when the file was written last.
fn keep_needed(unwritten: &mut Batch, batch: &Batch, open_until_ns: i64) {
    let ends = batch.spans.iter();
    let ends = ends.filter(|row| row.end_ns.is_some() && row.start_ns <= open_until_ns);
    unwritten.spans.extend(ends);
    if batch.run.is_some() {
        unwritten.run.clone_from(&batch.run);
    }
    unwritten.rails.extend_from_slice(&batch.rails);
    unwritten.processes.extend_from_slice(&batch.processes);
    unwritten.threads.extend_from_slice(&batch.threads);
    unwritten.callsites.extend_from_slice(&batch.callsites);
    unwritten.nodes.extend_from_slice(&batch.nodes);
    unwritten.baselines.extend_from_slice(&batch.baselines);
    unwritten.conditions.extend_from_slice(&batch.conditions);
    if batch.attribution.head.is_some() {
        unwritten
            .attribution
            .head
            .clone_from(&batch.attribution.head);
    }
    unwritten.heartbeat_unix_ns = batch.heartbeat_unix_ns;
}

/// Device and inode: tells whether the name still means the file we opened.
type FileId = (u64, u64);

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn file_id(path: &Path) -> Option<FileId> {
    path.exists().then_some((0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::{MarkRow, RunMetadata, RunRow, RunStatus};

    fn run() -> RunRow {
        RunRow {
            uuid: "a".into(),
            status: RunStatus::Running,
            pid: 1,
            pid_start: None,
            boot_id: None,
            start_unix_ns: 0,
            end_ns: None,
            host: None,
            os: None,
            chip: None,
            version: "0".into(),
            joins: None,
            metadata: RunMetadata::default(),
        }
    }

    #[test]
    fn a_full_disk_is_told_with_the_file_and_writing_goes_on_later() {
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
        let mark = MarkRow {
            time_ns: 0,
            thread: 1,
            span: None,
            callsite: 1,
            json: "x".repeat(10_000),
        };
        let large = Batch {
            marks: vec![mark; 10],
            ..Batch::default()
        };
        let message = sink.write(&large).expect_err("full");
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
