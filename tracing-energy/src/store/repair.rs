//! Runs whose process died: told from living ones, closed, attributed.

use rusqlite::{Connection, params};

use super::error::from_sqlite;
use super::pace::Pace;
use super::remove::delete_attribution;
use super::{AttributionWriter, Store, StoredRun, span_ids};
use crate::Error;
use crate::host::{self, Host};
use crate::sink::RunStatus;

/// A run on another host is given up after so long without a sign of life.
const SILENCE_NS: i64 = 60_000_000_000;

/// Whether a run's process is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Life {
    /// The run has ended in order, or was closed by a repair.
    Ended,
    /// It is being recorded.
    Alive,
    /// It says that it is being recorded, but its process is gone.
    Dead,
}

/// Whether the process of `run` is still there, seen from `here` at `now_unix_ns`.
///
/// | where | dead when |
/// |---|---|
/// | same host, same boot | no process has its pid and start time |
/// | same host, another boot | always |
/// | another host, or unknown | its heartbeat is older than 60 s |
///
/// Containers share a boot but not their process ids; their host names differ.
pub fn life(run: &StoredRun, here: &Host, now_unix_ns: i64) -> Life {
    if run.row.status != RunStatus::Running {
        return Life::Ended;
    }
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    let same_boot = same(&run.row.boot_id, &here.boot_id);
    let other_boot = !same_boot && run.row.boot_id.is_some() && here.boot_id.is_some();
    let silent = now_unix_ns - run.heartbeat_unix_ns > SILENCE_NS;
    let same_host = same(&run.row.host, &here.name);
    let dead = match run.row.pid_start {
        Some(start) if same_boot && same_host => host::process_start(run.row.pid) != Some(start),
        _ if other_boot && same_host => true,
        _ => silent,
    };
    if dead { Life::Dead } else { Life::Alive }
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
        let found = self.runs_where("no = CAST(?1 AS INTEGER)", &run.to_string())?;
        Ok(judged(found).pop())
    }

    /// Closes a dead run at the last time it was seen and attributes it, in one
    /// transaction. `attribute` reads the closed recording; what it writes takes
    /// the place of what the recorder had attributed. If it writes nothing, that stays.
    /// A run that is not dead any more, having been repaired by someone else
    /// meanwhile, is left alone: false.
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
        let stored = self.runs_where("no = CAST(?1 AS INTEGER)", &run.to_string())?;
        let dead = |run| life(run, &Host::here(), host::unix_ns()) == Life::Dead;
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
}

fn judged(runs: Vec<StoredRun>) -> Vec<(StoredRun, Life)> {
    let (here, now) = (Host::here(), host::unix_ns());
    let judge = |mut run: StoredRun| {
        let life = life(&run, &here, now);
        if life == Life::Dead {
            run.row.status = RunStatus::Crashed;
        }
        (run, life)
    };
    runs.into_iter().map(judge).collect()
}

/// Closes open rows at the last time seen; the run has crashed.
pub(super) fn close(connection: &Connection, run: i64) -> rusqlite::Result<()> {
    let end_ns = last_seen_ns(connection, run)?;
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

/// The latest time at which the run is known to have been alive.
///
/// Wall clocks are set and drift; the heartbeat only says how late the last flush
/// was, rows say it better where they are later.
fn last_seen_ns(connection: &Connection, run: i64) -> rusqlite::Result<i64> {
    let (first, last) = span_ids(run);
    let sql = "
        SELECT max(
            (SELECT heartbeat_unix_ns - start_unix_ns FROM runs WHERE no = ?1),
            (SELECT coalesce(max(max(start_ns, coalesce(end_ns, start_ns))), 0)
             FROM spans WHERE id BETWEEN ?2 AND ?3),
            (SELECT coalesce(max(end_ns), 0) FROM samples WHERE run = ?1),
            (SELECT coalesce(max(end_ns), 0) FROM cpu WHERE run = ?1))";
    connection.query_row(sql, [run, first, last], |r| r.get(0))
}
