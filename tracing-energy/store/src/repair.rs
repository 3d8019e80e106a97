//! Detects runs whose process died, closes and attributes them.
//!
//! Only a writer repairs; a reader shows a dead run through an [overlay](super::overlay).
//! Liveness of a run without an end:
//!
//! | boot and pid space | its process | the run is | who closes it |
//! |---|---|---|---|
//! | those of this process | runs, or is stopped | alive | its recorder |
//! | those of this process | has ended, or its id is another's | dead | any repair |
//! | those of this process | is hidden from this user | uncertain | a take-over |
//! | another boot, machine or container, or unknown | cannot be looked up | uncertain | a take-over |
//!
//! Host names are not used: containers of one machine have several, and machines may share
//! one.
//!
//! A [take-over](Store::take_over) is requested explicitly. It waits until the run has been
//! silent for long, claims the lease, and gives up if the recorder renews it. A recorder
//! whose run was closed anyway (it had been stopped for longer) detects this at its
//! next flush, reopens its run and attributes it again at its end.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::chunked_transaction::ChunkedTransaction;
use super::error::{from_sqlite, store};
use super::reader::one_of;
use super::remove::delete_attribution;
use super::{AttributionWriter, StoredRun, lease};
use crate::Error;
use crate::span_ids::span_ids;
use crate::store::Store;
use energy_data::rows::RunStatus;
use energy_host::{self as host, Host, ProcessState};

/// Liveness of a run's recorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunLiveness {
    /// The run has ended normally or was closed by a repair.
    Ended,
    /// It is being recorded.
    Alive,
    /// It has status running, but its process is gone.
    Dead,
    /// It has status running, and its process cannot be looked up from here.
    Uncertain,
}

/// Times after which an uncertain run is assumed dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Minimum time since its latest flush, by the wall clocks of both machines.
    pub silence: Duration,
    /// Time for its recorder to renew its lease, which it does every second.
    pub wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(600),
            wait: Duration::from_secs(5),
        }
    }
}

/// Returns the liveness of `run`, as determined on `here`.
pub fn liveness(run: &StoredRun, here: &Host) -> RunLiveness {
    if run.row.status != RunStatus::Running {
        return RunLiveness::Ended;
    }
    let start = run.row.pid_start.filter(|_| can_look_up(run, here));
    match start.map(|start| host::process_state(run.row.pid, start)) {
        Some(ProcessState::Running) => RunLiveness::Alive,
        Some(ProcessState::Gone) => RunLiveness::Dead,
        Some(ProcessState::Hidden) | None => RunLiveness::Uncertain,
    }
}

/// Returns whether the process id of `run` is valid here.
fn can_look_up(run: &StoredRun, here: &Host) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    same(&run.pid_space, &here.pid_space) && same(&run.row.boot_id, &here.boot_id)
}

impl StoredRun {
    /// Returns the time since its latest flush, at the wall clock time `now_unix_ns` of
    /// this machine.
    pub fn silence(&self, now_unix_ns: i64) -> Duration {
        let silent = now_unix_ns.saturating_sub(self.heartbeat_unix_ns);
        Duration::from_nanos(u64::try_from(silent).unwrap_or(0))
    }

    /// Returns a message that it is being recorded: `run UUID is being recorded {how}by
    /// ...`.
    pub(super) fn recording_message(&self, liveness: RunLiveness, how: &str) -> String {
        let uuid = &self.row.uuid;
        match liveness {
            RunLiveness::Uncertain => format!(
                "run {uuid} may be being recorded {how}on {}, last seen {} s ago (if it has \
                 ended, `energy attribute` closes it)",
                self.row.host.as_deref().unwrap_or("another machine"),
                self.silence(host::unix_ns()).as_secs()
            ),
            _ => format!(
                "run {uuid} is being recorded {how}by process {}",
                self.row.pid
            ),
        }
    }
}

impl Store {
    /// Returns all runs, oldest first; dead ones read as crashed. Nothing is written.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn runs_with_liveness(&self) -> Result<Vec<(StoredRun, RunLiveness)>, Error> {
        Ok(with_liveness(self.runs()?))
    }

    /// Returns the runs with status running; dead ones read as crashed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unended(&self) -> Result<Vec<(StoredRun, RunLiveness)>, Error> {
        self.unended_where("TRUE")
    }

    /// Returns those of the runs with the numbers `only` that have the status running, as
    /// [`Store::unended`] does. Other rows are not read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unended_among(&self, only: &[i64]) -> Result<Vec<(StoredRun, RunLiveness)>, Error> {
        match only {
            [] => Ok(Vec::new()),
            only => self.unended_where(&one_of(only)),
        }
    }

    fn unended_where(&self, condition: &str) -> Result<Vec<(StoredRun, RunLiveness)>, Error> {
        let condition = format!("status = ?1 AND {condition} ORDER BY no");
        let running = self.runs_where(&condition, RunStatus::Running.name())?;
        Ok(with_liveness(running))
    }

    /// Returns run number `run`, if it exists; it reads as crashed if it is dead.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn liveness_of(&self, run: i64) -> Result<Option<(StoredRun, RunLiveness)>, Error> {
        Ok(with_liveness(self.run_by_number(run)?).pop())
    }

    /// Closes a dead run at its last known time and attributes it, in one transaction.
    /// `attribute` reads the closed recording; its rows replace the recorder's attribution,
    /// unless it writes none. Returns false for a run that is not dead or was repaired by
    /// another process first.
    ///
    /// # Errors
    /// An error of `attribute`, or when the file cannot be written; then nothing has
    /// changed.
    pub fn repair(
        &self,
        run: i64,
        attribute: impl FnOnce(&mut AttributionWriter<'_>) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let sql = from_sqlite(&self.path);
        let transaction = ChunkedTransaction::begin_atomic(&self.connection).map_err(&sql)?;
        let stored = self.run_by_number(run)?;
        let dead = |run| liveness(run, &Host::here()) == RunLiveness::Dead;
        if !stored.first().is_some_and(dead) {
            return Ok(false);
        }
        close(transaction.connection(), run).map_err(&sql)?;
        self.merge_joined_within(transaction.connection(), run)?;
        let earlier = self.shown_attribution(run)?.unwrap_or(0);
        let (transaction, _, written) = self.attribute_within(transaction, run, attribute)?;
        if written {
            for id in 1..=earlier {
                delete_attribution(transaction.connection(), run, id).map_err(&sql)?;
            }
        }
        transaction.commit().map_err(&sql)?;
        Ok(true)
    }

    /// Repairs a run whose process cannot be looked up from here, if it has been silent for
    /// long and its recorder does not renew its lease; returns false if it does. The
    /// recorder's attribution stays, and so do joined runs: a recorder that returns later
    /// finds its run unchanged.
    ///
    /// # Errors
    /// When its latest flush is too recent, an error of `attribute`, or when the file
    /// cannot be written; then nothing has changed.
    pub fn take_over(
        &self,
        run: i64,
        patience: &Patience,
        attribute: impl FnOnce(&mut AttributionWriter<'_>) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let sql = from_sqlite(&self.path);
        let Some(stored) = self.run_by_number(run)?.pop() else {
            return Ok(false);
        };
        if liveness(&stored, &Host::here()) != RunLiveness::Uncertain {
            return Ok(false);
        }
        if stored.silence(host::unix_ns()) < patience.silence {
            let recording = stored.recording_message(RunLiveness::Uncertain, "");
            let least = patience.silence.as_secs();
            let message = format!("{recording}: it can be closed after {least} s without a flush");
            return Err(store(&self.path, message));
        }
        let claim = lease::claim(&self.connection, run).map_err(&sql)?;
        std::thread::sleep(patience.wait);
        let transaction = ChunkedTransaction::begin_atomic(&self.connection).map_err(&sql)?;
        if !lease::is_kept(transaction.connection(), run, &claim).map_err(&sql)? {
            return Ok(false);
        }
        close(transaction.connection(), run).map_err(&sql)?;
        let (transaction, ..) = self.attribute_within(transaction, run, attribute)?;
        transaction.commit().map_err(&sql)?;
        Ok(true)
    }

    fn run_by_number(&self, run: i64) -> Result<Vec<StoredRun>, Error> {
        self.runs_where("no = CAST(?1 AS INTEGER)", &run.to_string())
    }
}

fn with_liveness(runs: Vec<StoredRun>) -> Vec<(StoredRun, RunLiveness)> {
    // Reading what identifies this machine takes longer than reading a run.
    if runs.iter().all(|run| run.row.status != RunStatus::Running) {
        let ended = runs.into_iter().map(|run| (run, RunLiveness::Ended));
        return ended.collect();
    }
    let here = Host::here();
    let judge = |mut run: StoredRun| {
        let liveness = liveness(&run, &here);
        if liveness == RunLiveness::Dead {
            run.row.status = RunStatus::Crashed;
        }
        (run, liveness)
    };
    runs.into_iter().map(judge).collect()
}

/// Closes open rows at the run's last known time and marks it as crashed.
pub(super) fn close(connection: &Connection, run: i64) -> rusqlite::Result<()> {
    let end_ns = end_ns(connection, run)?;
    let (first, last) = span_ids(run);
    connection.execute(
        "UPDATE spans SET end_ns = max(start_ns, ?3)
         WHERE id BETWEEN ?1 AND ?2 AND end_ns IS NULL",
        [first, last, end_ns],
    )?;
    connection.execute(
        "UPDATE instances SET closed_ns = max(created_ns, ?2)
         WHERE run = ?1 AND closed_ns IS NULL",
        [run, end_ns],
    )?;
    connection.execute(
        "UPDATE runs SET end_ns = ?2, status = ?3 WHERE no = ?1",
        params![run, end_ns, RunStatus::Crashed.name()],
    )?;
    Ok(())
}

/// Returns the end of a run whose process died: just after the latest time at which it was
/// recorded, so that nothing else ends then.
///
/// Only run time counts, which cannot be set and stops during sleep: that of the latest
/// flush and of the rows. A difference of wall-clock readings is not a duration.
///
pub(super) fn end_ns(connection: &Connection, run: i64) -> rusqlite::Result<i64> {
    let (first, last) = span_ids(run);
    let sql = "
        SELECT max(
            (SELECT coalesce(last_seen_ns, 0) FROM runs WHERE no = ?1),
            (SELECT coalesce(max(max(start_ns, coalesce(end_ns, start_ns))), 0)
             FROM spans WHERE id BETWEEN ?2 AND ?3),
            (SELECT coalesce(max(end_ns), 0) FROM node_windows WHERE run = ?1),
            (SELECT coalesce(max(time_ns), 0) FROM span_events WHERE run = ?1),
            (SELECT coalesce(max(end_ns), 0) FROM samples WHERE run = ?1),
            (SELECT coalesce(max(end_ns), 0) FROM cpu WHERE run = ?1))";
    let seen_ns: i64 = connection.query_row(sql, [run, first, last], |r| r.get(0))?;
    Ok(seen_ns.saturating_add(1))
}
