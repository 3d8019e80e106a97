//! Runs whose process died: distinguished from living ones, closed, attributed.
//!
//! Only a writer repairs; a reader that meets a dead run looks at it through an
//! [overlay](super::overlay). What is known of a run that has no end:
//!
//! | boot and pid space | its process | the run is | who closes it |
//! |---|---|---|---|
//! | those of this process | runs, or is stopped | alive | its recorder |
//! | those of this process | has ended, or its id is another's | dead | any repair |
//! | those of this process | is hidden from this user | uncertain | a take-over |
//! | another boot, machine or container, or unknown | cannot be looked up | uncertain | a take-over |
//!
//! Host names decide nothing: containers of one machine have several, and machines may
//! share one. Files of versions up to 5 do not hold the pid space; there the same host name
//! and boot stand for it.
//!
//! A [take-over](Store::take_over) is asked for explicitly, waits until the run has been silent for long, takes
//! the lease, and gives up where the recorder takes it back. A recorder that was closed
//! all the same (it had been stopped for longer) finds out at its next flush, opens its run
//! again and attributes it anew at its end.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::error::{from_sqlite, store};
use super::pace::Pace;
use super::remove::delete_attribution;
use super::{AttributionWriter, Store, StoredRun, lease, span_ids};
use crate::Error;
use crate::host::{self, Host, ProcessState};
use crate::sink::RunStatus;

/// Whether a run's process is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Life {
    /// The run has ended in order, or was closed by a repair.
    Ended,
    /// It is being recorded.
    Alive,
    /// It says that it is being recorded, but its process is gone.
    Dead,
    /// It says that it is being recorded, and its process cannot be looked up from here.
    Uncertain,
}

/// When a run that may be alive is taken for dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long it must not have been seen, by the wall clocks of both machines.
    pub silence: Duration,
    /// How long its recorder gets to take its lease back; it renews it every second.
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

/// Whether the process of `run` is still there, seen from `here`.
pub fn life(run: &StoredRun, here: &Host) -> Life {
    if run.row.status != RunStatus::Running {
        return Life::Ended;
    }
    let start = run.row.pid_start.filter(|_| can_look_up(run, here));
    match start.map(|start| host::process_state(run.row.pid, start)) {
        Some(ProcessState::Running) => Life::Alive,
        Some(ProcessState::Gone) => Life::Dead,
        Some(ProcessState::Hidden) | None => Life::Uncertain,
    }
}

/// Whether the process id of `run` means the same process here.
fn can_look_up(run: &StoredRun, here: &Host) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    let is_same_space = match &run.pid_space {
        Some(_) => same(&run.pid_space, &here.pid_space),
        None => here.pid_space.is_some() && same(&run.row.host, &here.name),
    };
    is_same_space && same(&run.row.boot_id, &here.boot_id)
}

impl StoredRun {
    /// How long it has not been seen, by the wall clock of this machine at `now_unix_ns`.
    pub fn silence(&self, now_unix_ns: i64) -> Duration {
        let silent = now_unix_ns.saturating_sub(self.heartbeat_unix_ns);
        Duration::from_nanos(u64::try_from(silent).unwrap_or(0))
    }

    /// Why it must not be touched, in words: `run UUID is being recorded {how}by ...`.
    pub(super) fn recorded(&self, life: Life, how: &str) -> String {
        let uuid = &self.row.uuid;
        match life {
            Life::Uncertain => format!(
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
    /// All runs, oldest first; the dead ones read as crashed. Nothing is written.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn runs_with_life(&self) -> Result<Vec<(StoredRun, Life)>, Error> {
        Ok(judged(self.runs()?))
    }

    /// The runs that say that they are being recorded; the dead ones read as crashed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unended(&self) -> Result<Vec<(StoredRun, Life)>, Error> {
        let condition = "status = ?1 ORDER BY no";
        let running = self.runs_where(condition, RunStatus::Running.name())?;
        Ok(judged(running))
    }

    /// Run number `run`, if there is one; it reads as crashed where it is dead.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn life_of(&self, run: i64) -> Result<Option<(StoredRun, Life)>, Error> {
        Ok(judged(self.numbered(run)?).pop())
    }

    /// Closes a dead run at the last time it was seen and attributes it, in one
    /// transaction. `attribute` reads the closed recording; what it writes takes
    /// the place of what the recorder had attributed. If it writes nothing, that stays.
    /// A run that is not dead, or was repaired by someone else first, is left alone: false.
    ///
    /// # Errors
    /// What `attribute` gives back, or when the file cannot be written; then
    /// nothing has changed.
    pub fn repair(
        &self,
        run: i64,
        attribute: impl FnOnce(&mut AttributionWriter<'_>) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let sql = from_sqlite(&self.path);
        let pace = Pace::whole(&self.connection).map_err(&sql)?;
        let stored = self.numbered(run)?;
        let dead = |run| life(run, &Host::here()) == Life::Dead;
        if !stored.first().is_some_and(dead) {
            return Ok(false);
        }
        close(pace.connection(), run).map_err(&sql)?;
        self.fold_within(pace.connection(), run)?;
        let earlier = self.shown_attribution(run)?.unwrap_or(0);
        let (pace, _, written) = self.attribute_within(pace, run, attribute)?;
        if written {
            for id in 1..=earlier {
                delete_attribution(pace.connection(), run, id).map_err(&sql)?;
            }
        }
        pace.commit().map_err(&sql)?;
        Ok(true)
    }

    /// As [`Store::repair`], of a run whose process cannot be looked up from here: only
    /// where it has been silent for long, and its recorder does not take its lease back.
    /// False where it does. What the recorder had attributed stays, and so do runs that
    /// joined it: should it come back after all, it finds its run as it was.
    ///
    /// # Errors
    /// When it was seen too recently, what `attribute` gives back, or when the file cannot
    /// be written; then nothing has changed.
    pub fn take_over(
        &self,
        run: i64,
        patience: &Patience,
        attribute: impl FnOnce(&mut AttributionWriter<'_>) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let sql = from_sqlite(&self.path);
        let Some(stored) = self.numbered(run)?.pop() else {
            return Ok(false);
        };
        if life(&stored, &Host::here()) != Life::Uncertain {
            return Ok(false);
        }
        if stored.silence(host::unix_ns()) < patience.silence {
            let recorded = stored.recorded(Life::Uncertain, "");
            let least = patience.silence.as_secs();
            let message = format!("{recorded}: it is closed once it was silent for {least} s");
            return Err(store(&self.path, message));
        }
        let claim = lease::claim(&self.connection, run).map_err(&sql)?;
        std::thread::sleep(patience.wait);
        let pace = Pace::whole(&self.connection).map_err(&sql)?;
        if !lease::is_kept(pace.connection(), run, &claim).map_err(&sql)? {
            return Ok(false);
        }
        close(pace.connection(), run).map_err(&sql)?;
        let (pace, ..) = self.attribute_within(pace, run, attribute)?;
        pace.commit().map_err(&sql)?;
        Ok(true)
    }

    fn numbered(&self, run: i64) -> Result<Vec<StoredRun>, Error> {
        self.runs_where("no = CAST(?1 AS INTEGER)", &run.to_string())
    }
}

fn judged(runs: Vec<StoredRun>) -> Vec<(StoredRun, Life)> {
    let here = Host::here();
    let judge = |mut run: StoredRun| {
        let life = life(&run, &here);
        if life == Life::Dead {
            run.row.status = RunStatus::Crashed;
        }
        (run, life)
    };
    runs.into_iter().map(judge).collect()
}

/// Closes open rows at the last time seen; the run has crashed.
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

/// When a run whose process died ends: just after the latest time at which it is known to
/// have been recorded, so that nothing else ends at that time.
///
/// Only run time counts, which nobody sets and which stands still while the machine
/// sleeps: the time of the last flush and of the rows. The difference of two readings of
/// the wall clock is no length of time.
pub(super) fn end_ns(connection: &Connection, run: i64) -> rusqlite::Result<i64> {
    let (first, last) = span_ids(run);
    let sql = "
        SELECT max(
            (SELECT coalesce(last_seen_ns, 0) FROM runs WHERE no = ?1),
            (SELECT coalesce(max(max(start_ns, coalesce(end_ns, start_ns))), 0)
             FROM spans WHERE id BETWEEN ?2 AND ?3),
            (SELECT coalesce(max(end_ns), 0) FROM node_windows WHERE run = ?1),
            (SELECT coalesce(max(time_ns), 0) FROM marks WHERE run = ?1),
            (SELECT coalesce(max(end_ns), 0) FROM samples WHERE run = ?1),
            (SELECT coalesce(max(end_ns), 0) FROM cpu WHERE run = ?1))";
    let seen_ns: i64 = connection.query_row(sql, [run, first, last], |r| r.get(0))?;
    Ok(seen_ns.saturating_add(1))
}
