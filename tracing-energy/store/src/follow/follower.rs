//! The follower: its file and its polls.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::directory::{self, Directory};
use super::run::{FollowedRun, RunState};
use crate::error::from_sqlite;
use crate::file_id::{FileId, file_id};
use crate::repair::liveness;
use crate::{Error, RunLiveness, Store};
use energy_data::live::Update;
use energy_data::rows::RunStatus;
use energy_host::Host;

/// Interval between polls of [`Follower::wait`].
const POLL: Duration = Duration::from_millis(50);
/// Interval at which processes of runs are looked up.
const LOOK_UP: Duration = Duration::from_secs(1);
/// Time that a poll waits for a lock. In WAL mode readers wait for none.
const BUSY: Duration = Duration::from_millis(100);
/// Default number of rows of one poll.
const ROWS: usize = 16_384;

/// Where to start in runs that are being recorded when a file is opened. Runs that begin later are
/// always followed from their beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FollowFrom {
    /// At their newest rows. What is open then is included.
    #[default]
    Now,
    /// At their beginning. Runs that ended in the last ten seconds are included.
    Beginning,
}

/// Follows a recording file that other processes write: [`poll`](Self::poll) returns what has
/// changed. It opens the file for reading only, and recorders do not wait for it.
///
/// Runs that are being recorded are followed, with those that begin later. Of earlier runs only
/// deletions and new attributions are reported.
///
/// Followed tables: the run, `rails`, `processes`, `threads`, `baselines`, `conditions`,
/// `callsites`, `nodes`, `spans`, `samples`, `events`, `span_events`, and of the attribution that the
/// recorder writes its head, `sample_balance`, `window_power`, `span_energy`, and at the end
/// `phase_energy` and `balance`. Read others from the file when they are needed, for example
/// `span_fields`. If the recorder reports lost rows, all span entries are repeated at the end of the
/// run, with their energies. Otherwise an entry that has ended is not reported again. It lacks what
/// the recorder adds later: the number of its instance if the span is entered again, and the number
/// of a token that is recorded after the end.
///
/// A row of power that arrives more than a minute late is reported at the end of the run. Late windows
/// that overlap others of their rail are not reported: an event of the kind `rows_skipped`, which is
/// not in the file, contains their number.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    rows: usize,
    file: Option<FollowedFile>,
    was_open: bool,
    /// Updates of a poll that failed later on.
    updates: Vec<Update>,
}

/// The opened file.
#[derive(Debug)]
struct FollowedFile {
    id: FileId,
    store: Store,
    here: Host,
    data_version: Option<i64>,
    directory: Directory,
    runs: Vec<FollowedRun>,
    looked_up: Instant,
    /// Whether the limit of rows ended the last poll.
    has_more: bool,
}

impl Follower {
    /// Opens the recording at `path` and follows it from now on.
    ///
    /// # Errors
    /// When it does not exist, is not a recording, or its tables are of another version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_from(path, FollowFrom::Now)
    }

    /// Opens the recording at `path`; `from` selects the start in runs that are being recorded.
    ///
    /// # Errors
    /// As [`Follower::open`].
    pub fn open_from(path: impl AsRef<Path>, from: FollowFrom) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let mut follower = Self {
            path,
            rows: ROWS,
            file: None,
            was_open: false,
            updates: Vec::new(),
        };
        // Opened first: a missing file is reported as such.
        let store = Store::open(&follower.path)?;
        if let Some(id) = file_id(&follower.path) {
            follower.file = Some(follower.opened(id, store, from)?);
            follower.was_open = true;
        }
        Ok(follower)
    }

    /// Sets the approximate number of rows after which a poll ends (default 16,384).
    #[must_use]
    pub fn rows_per_poll(mut self, rows: usize) -> Self {
        self.rows = rows.max(1);
        self
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the last poll ended because it had read enough rows: the next one will
    /// return more.
    pub fn has_more(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.has_more)
    }

    /// Returns what has changed since the last call, in the order in which it happened within each
    /// run. Does not wait for changes.
    ///
    /// # Errors
    /// When the file cannot be read; the next call continues where this one failed.
    /// [`Error::Busy`] if another process has locked it.
    pub fn poll(&mut self) -> Result<Vec<Update>, Error> {
        self.open_current()?;
        let (rows, updates) = (self.rows, &mut self.updates);
        if let Some(file) = &mut self.file {
            file.poll(rows, updates)?;
        }
        Ok(std::mem::take(updates))
    }

    /// Polls every 50 ms until something has changed or `timeout` has passed.
    ///
    /// # Errors
    /// As [`Follower::poll`].
    pub fn wait(&mut self, timeout: Duration) -> Result<Vec<Update>, Error> {
        let begin = Instant::now();
        loop {
            let updates = self.poll()?;
            let left = timeout.saturating_sub(begin.elapsed());
            if !updates.is_empty() || left.is_zero() {
                return Ok(updates);
            }
            std::thread::sleep(POLL.min(left));
        }
    }

    /// Opens the file that the path names now, if it is not open.
    fn open_current(&mut self) -> Result<(), Error> {
        let id = file_id(&self.path);
        if self.file.as_ref().map(|file| file.id) == id {
            return match &mut self.file {
                Some(file) if file.store.is_outdated() => file.reopen(),
                _ => Ok(()),
            };
        }
        if self.file.take().is_some() && id.is_none() {
            self.updates.push(Update::FileGone);
        }
        let Some(id) = id else {
            return Ok(());
        };
        let store = Store::open(&self.path)?;
        // Everything in a file that has just appeared is new.
        let file = self.opened(id, store, FollowFrom::Beginning)?;
        if self.was_open {
            self.updates.push(Update::FileReplaced);
        }
        (self.file, self.was_open) = (Some(file), true);
        Ok(())
    }

    fn opened(&self, id: FileId, store: Store, from: FollowFrom) -> Result<FollowedFile, Error> {
        limit_waiting(&store)?;
        let mut file = FollowedFile {
            id,
            here: Host::here(),
            data_version: None,
            directory: Directory::default(),
            runs: Vec::new(),
            looked_up: Instant::now(),
            has_more: false,
            store,
        };
        file.transaction(|file| file.begin(from))?;
        Ok(file)
    }
}

impl FollowedFile {
    /// Finds the runs that are in the file, and follows those that are being recorded.
    fn begin(&mut self, from: FollowFrom) -> Result<(), Error> {
        self.directory = Directory::read(&self.store)?;
        for stored in self
            .store
            .runs_where("status = ?1 ORDER BY no", "running")?
        {
            if liveness(&stored, &self.here) == RunLiveness::Dead {
                continue;
            }
            let run = FollowedRun::new(&stored);
            self.runs.push(match from {
                FollowFrom::Now => run.skip_past(&self.store)?,
                FollowFrom::Beginning => run,
            });
        }
        if from == FollowFrom::Beginning {
            let recent = directory::recently_ended(&self.store)?;
            self.runs.extend(recent.iter().map(FollowedRun::new));
        }
        Ok(())
    }

    /// Opens the same file again, because the connection does not see what was written since. What
    /// was read stays read.
    fn reopen(&mut self) -> Result<(), Error> {
        let store = Store::open(self.store.path())?;
        limit_waiting(&store)?;
        self.store = store;
        self.data_version = None;
        Ok(())
    }

    fn poll(&mut self, rows: usize, updates: &mut Vec<Update>) -> Result<(), Error> {
        let version = data_version(&self.store)?;
        let is_changed = self.data_version != Some(version);
        let is_waiting = self.runs.iter().any(FollowedRun::is_waiting);
        if is_changed || self.has_more || is_waiting || self.directory.is_due() {
            self.transaction(|file| file.read(rows, updates))?;
            self.data_version = Some(version);
        }
        if self.looked_up.elapsed() >= LOOK_UP {
            self.looked_up = Instant::now();
            self.look_up(updates)?;
        }
        Ok(())
    }

    /// Calls `read` in a transaction, so that all rows of a poll are of the same time.
    fn transaction(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        execute(&self.store, "BEGIN")?;
        let result = read(self);
        let ended = execute(&self.store, "COMMIT");
        if ended.is_err() && !self.store.connection().is_autocommit() {
            // Reading has nothing to roll back; the next poll needs a new transaction.
            let _ = execute(&self.store, "ROLLBACK");
        }
        result.and(ended)
    }

    /// Reads what has changed.
    fn read(&mut self, rows: usize, updates: &mut Vec<Update>) -> Result<(), Error> {
        let mut left = rows;
        let followed: Vec<i64> = self.runs.iter().map(FollowedRun::no).collect();
        let new = self.directory.update(&self.store, &followed, updates)?;
        let gone = |run: &FollowedRun| !self.directory.contains(run.no(), run.uuid());
        self.runs.retain(|run| !gone(run));
        self.runs.extend(new.iter().map(FollowedRun::new));
        for run in &mut self.runs {
            run.read(&self.store, &mut left, updates)?;
        }
        self.has_more = left == 0;
        // Another run is the first one next, in case that one uses the whole limit.
        if self.has_more && !self.runs.is_empty() {
            self.runs.rotate_left(1);
        }
        for run in &mut self.runs {
            if let RunState::Settled(attribution) = run.state() {
                self.directory.attributed(run.no(), attribution);
            }
        }
        self.runs.retain(|run| !run.is_settled());
        Ok(())
    }

    /// Ends runs of dead processes. The file is not changed.
    fn look_up(&mut self, updates: &mut Vec<Update>) -> Result<(), Error> {
        if self.has_more {
            return Ok(());
        }
        let mut dead: Vec<Arc<str>> = Vec::new();
        for run in &mut self.runs {
            let Some(stored) = run.stored(&self.store)? else {
                continue;
            };
            if liveness(&stored, &self.here) == RunLiveness::Dead {
                run.read_last(&self.store, stored, updates)?;
                self.directory.attributed(run.no(), run.attribution());
                dead.push(Arc::clone(run.uuid()));
            }
        }
        self.runs.retain(|run| !dead.contains(run.uuid()));
        let ended = |run| Update::Ended {
            run,
            status: RunStatus::Crashed,
        };
        updates.extend(dead.into_iter().map(ended));
        Ok(())
    }
}

/// Limits the time that a poll waits for a lock.
fn limit_waiting(store: &Store) -> Result<(), Error> {
    let limited = store.connection().busy_timeout(BUSY);
    limited.map_err(from_sqlite(store.path()))
}

fn execute(store: &Store, statement: &str) -> Result<(), Error> {
    let connection: &Connection = store.connection();
    let prepared = connection.prepare_cached(statement);
    let executed = prepared.and_then(|mut statement| statement.execute([]));
    executed.map(|_| ()).map_err(from_sqlite(store.path()))
}

/// Returns a number that changes when another connection commits.
fn data_version(store: &Store) -> Result<i64, Error> {
    let prepared = store.connection().prepare_cached("PRAGMA data_version");
    let version = prepared.and_then(|mut statement| statement.query_row([], |r| r.get(0)));
    version.map_err(from_sqlite(store.path()))
}
