//! Experiments and their trials.
//!
//! ```text
//! pending --start--> running --end--> complete --replace--> replaced, and a new trial
//!    ^                  |   \-------> failed
//!    +----- reset ------+-----reset-----/
//! ```

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::chunked_transaction::ChunkedTransaction;
use super::error::{from_sqlite, store};
use crate::Error;
use crate::store::Store;
use energy_data::rows::{ExperimentRow, TrialRow, TrialStatus};

/// How a trial has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialEnd {
    /// Complete or failed.
    pub status: TrialStatus,
    /// Time that its process took; `None` if it is not known.
    pub duration_ns: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Conditions that affect its energy.
    pub warning: Option<String>,
}

/// What uses the name of a new experiment already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameUser {
    /// Another experiment.
    Experiment,
    /// Runs of a group of that name.
    Runs,
}

/// How the complete run of a trial that does not count is taken out of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunExclusion<'t> {
    /// Key of the tag that is removed: that of the group.
    pub group: &'t str,
    /// Key of the tag that is set.
    pub mark: &'t str,
    /// Value of that tag.
    pub reason: &'t str,
}

impl Store {
    /// Adds an experiment with its trials; all or nothing. Adds nothing and returns the user of its
    /// name if there is one: an experiment, or runs with the tag `group` of that value. No other
    /// process can take the name between the check and the insertion.
    ///
    /// # Errors
    /// When the file cannot be written, or the id exists.
    pub fn insert_experiment(
        &self,
        row: &ExperimentRow,
        trials: &[TrialRow],
        group: &str,
    ) -> Result<Option<NameUser>, Error> {
        let insert_all = |connection: &Connection| {
            if let Some(user) = name_user(connection, &row.name, group)? {
                return Ok(Some(user));
            }
            connection.execute(
                "INSERT INTO experiments (id, name, created_unix_ns, plan)
                 VALUES (?1, ?2, ?3, ?4)",
                params![row.id, row.name, row.created_unix_ns, row.plan],
            )?;
            trials
                .iter()
                .try_for_each(|trial| insert(connection, &row.id, trial))?;
            Ok(None)
        };
        self.change(insert_all)
    }

    /// Returns all experiments, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn experiments(&self) -> Result<Vec<ExperimentRow>, Error> {
        let sql = "SELECT * FROM experiments ORDER BY created_unix_ns, id";
        let read = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map([], experiment)?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(from_sqlite(&self.path))
    }

    /// Returns the experiment with that id.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn experiment(&self, id: &str) -> Result<Option<ExperimentRow>, Error> {
        let sql = "SELECT * FROM experiments WHERE id = ?1";
        let read = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_row([id], experiment).optional()
        };
        read().map_err(from_sqlite(&self.path))
    }

    /// Changes the plan of an experiment.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_plan(&self, experiment: &str, plan: &str) -> Result<(), Error> {
        self.change(|connection| {
            let sql = "UPDATE experiments SET plan = ?2 WHERE id = ?1";
            connection.execute(sql, params![experiment, plan]).map(drop)
        })
    }

    /// Returns the trials of an experiment in the order of execution.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn trials(&self, experiment: &str) -> Result<Vec<TrialRow>, Error> {
        let sql = "SELECT * FROM trials WHERE experiment = ?1 ORDER BY position, no";
        let read = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map([experiment], trial)?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(from_sqlite(&self.path))
    }

    /// Returns one trial.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn trial(&self, experiment: &str, no: i64) -> Result<Option<TrialRow>, Error> {
        let sql = "SELECT * FROM trials WHERE experiment = ?1 AND no = ?2";
        let read = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement
                .query_row(params![experiment, no], trial)
                .optional()
        };
        read().map_err(from_sqlite(&self.path))
    }

    /// Returns the ids of the complete runs of an experiment's trials.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn complete_runs(&self, experiment: &str) -> Result<BTreeSet<String>, Error> {
        let sql = "SELECT r.uuid FROM trials t JOIN runs r ON r.uuid = t.run_uuid
                   WHERE t.experiment = ?1 AND r.status = 'complete'";
        let read = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map([experiment], |r| r.get(0))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(from_sqlite(&self.path))
    }

    /// Returns the number and the stored status of the run with that id, without looking at its
    /// process.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn stored_status(&self, uuid: &str) -> Result<Option<(i64, String)>, Error> {
        let sql = "SELECT no, status FROM runs WHERE uuid = ?1";
        let read = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let row = |r: &Row<'_>| Ok((r.get(0)?, r.get(1)?));
            statement.query_row([uuid], row).optional()
        };
        read().map_err(from_sqlite(&self.path))
    }

    /// Marks a trial as started, with the id that its run will have.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn start_trial(
        &self,
        experiment: &str,
        no: i64,
        run_uuid: &str,
        start_unix_ns: i64,
    ) -> Result<(), Error> {
        self.change(|connection| {
            let sql = "UPDATE trials SET status = 'running', run_uuid = ?3, start_unix_ns = ?4,
                       duration_ns = NULL, error = NULL, warning = NULL
                       WHERE experiment = ?1 AND no = ?2";
            connection
                .execute(sql, params![experiment, no, run_uuid, start_unix_ns])
                .map(drop)
        })
    }

    /// Stores how a trial has ended, and excludes its complete run as `exclusion` describes, if it is
    /// given; both or nothing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end_trial(
        &self,
        experiment: &str,
        no: i64,
        end: &TrialEnd,
        exclusion: Option<&RunExclusion<'_>>,
    ) -> Result<(), Error> {
        let TrialEnd {
            status,
            duration_ns,
            error,
            warning,
        } = end;
        self.change(|connection| {
            let sql = "UPDATE trials SET status = ?3, duration_ns = coalesce(?4, duration_ns),
                       error = ?5, warning = ?6 WHERE experiment = ?1 AND no = ?2";
            let values = params![experiment, no, status.name(), duration_ns, error, warning];
            connection.execute(sql, values)?;
            exclusion.map_or(Ok(()), |exclusion| {
                exclude(connection, (experiment, no), exclusion)
            })
        })
    }

    /// Excludes the complete run of a trial from the results.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn exclude_run(
        &self,
        experiment: &str,
        no: i64,
        exclusion: &RunExclusion<'_>,
    ) -> Result<(), Error> {
        self.change(|connection| exclude(connection, (experiment, no), exclusion))
    }

    /// Makes a trial pending again. The run that it had stays in the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn reset_trial(&self, experiment: &str, no: i64) -> Result<(), Error> {
        self.change(|connection| {
            let sql = "UPDATE trials SET status = 'pending', run_uuid = NULL,
                       start_unix_ns = NULL, duration_ns = NULL, error = NULL, warning = NULL
                       WHERE experiment = ?1 AND no = ?2";
            connection.execute(sql, params![experiment, no]).map(drop)
        })
    }

    /// Marks a complete trial as replaced, excludes its run, and adds a trial of the same
    /// configuration and round at the end of the order; all or nothing.
    ///
    /// # Errors
    /// When the file cannot be written, or there is no such trial.
    pub fn replace_trial(
        &self,
        experiment: &str,
        no: i64,
        exclusion: &RunExclusion<'_>,
    ) -> Result<(), Error> {
        let replaced = |connection: &Connection| {
            let sql = "INSERT INTO trials (experiment, no, round, configuration, config, position)
                       SELECT experiment,
                              (SELECT max(no) + 1 FROM trials WHERE experiment = ?1),
                              round, configuration, config,
                              (SELECT max(position) + 1 FROM trials WHERE experiment = ?1)
                       FROM trials WHERE experiment = ?1 AND no = ?2";
            if connection.execute(sql, params![experiment, no])? == 0 {
                return Err(rusqlite::Error::QueryReturnedNoRows);
            }
            let sql = "UPDATE trials SET status = 'replaced' WHERE experiment = ?1 AND no = ?2";
            connection.execute(sql, params![experiment, no])?;
            exclude(connection, (experiment, no), exclusion)
        };
        self.change(replaced)
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        if !self.writable {
            return Err(store(&self.path, "it was opened for reading only"));
        }
        in_transaction(self, change).map_err(from_sqlite(&self.path))
    }
}

/// Makes a change in one transaction.
pub(super) fn in_transaction<T>(
    store: &Store,
    change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = ChunkedTransaction::begin_atomic(&store.connection)?;
    let changed = change(transaction.connection())?;
    transaction.commit()?;
    Ok(changed)
}

/// Returns what uses a name of experiments or a value of the tag `group`.
fn name_user(
    connection: &Connection,
    name: &str,
    group: &str,
) -> rusqlite::Result<Option<NameUser>> {
    let sql = "SELECT EXISTS (SELECT 1 FROM experiments WHERE name = ?1)";
    if connection.query_row(sql, [name], |r| r.get(0))? {
        return Ok(Some(NameUser::Experiment));
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM run_tags WHERE key = ?1 AND value = ?2)";
    let is_group: bool = connection.query_row(sql, [group, name], |r| r.get(0))?;
    Ok(is_group.then_some(NameUser::Runs))
}

/// Takes the complete run of a trial out of the results.
fn exclude(
    connection: &Connection,
    (experiment, no): (&str, i64),
    exclusion: &RunExclusion<'_>,
) -> rusqlite::Result<()> {
    let sql = "SELECT r.no FROM runs r JOIN trials t ON t.run_uuid = r.uuid
               WHERE t.experiment = ?1 AND t.no = ?2 AND r.status = 'complete'";
    let run = connection.query_row(sql, params![experiment, no], |r| r.get(0));
    let Some(run): Option<i64> = run.optional()? else {
        return Ok(());
    };
    let sql = "DELETE FROM run_tags WHERE run = ?1 AND key = ?2";
    connection.execute(sql, params![run, exclusion.group])?;
    let sql = "INSERT OR REPLACE INTO run_tags (run, key, value) VALUES (?1, ?2, ?3)";
    connection.execute(sql, params![run, exclusion.mark, exclusion.reason])?;
    Ok(())
}

fn insert(connection: &Connection, experiment: &str, trial: &TrialRow) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO trials (experiment, no, round, configuration, config, position, status,
                             run_uuid, start_unix_ns, duration_ns, error, warning)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    let values = params![
        experiment,
        trial.no,
        trial.round,
        trial.configuration,
        trial.config,
        trial.position,
        trial.status.name(),
        trial.run_uuid,
        trial.start_unix_ns,
        trial.duration_ns,
        trial.error,
        trial.warning
    ];
    statement.execute(values).map(drop)
}

fn experiment(r: &Row<'_>) -> rusqlite::Result<ExperimentRow> {
    Ok(ExperimentRow {
        id: r.get("id")?,
        name: r.get("name")?,
        created_unix_ns: r.get("created_unix_ns")?,
        plan: r.get("plan")?,
    })
}

fn trial(r: &Row<'_>) -> rusqlite::Result<TrialRow> {
    let status: String = r.get("status")?;
    Ok(TrialRow {
        no: r.get("no")?,
        round: r.get("round")?,
        configuration: r.get("configuration")?,
        config: r.get("config")?,
        position: r.get("position")?,
        // The table permits no other name.
        status: TrialStatus::of_name(&status).unwrap_or(TrialStatus::Failed),
        run_uuid: r.get("run_uuid")?,
        start_unix_ns: r.get("start_unix_ns")?,
        duration_ns: r.get("duration_ns")?,
        error: r.get("error")?,
        warning: r.get("warning")?,
    })
}

/// Returns the uuid of run number `run`.
pub(super) fn run_uuid(connection: &Connection, run: i64) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT uuid FROM runs WHERE no = ?1";
    connection.query_row(sql, [run], |r| r.get(0)).optional()
}

/// Deletes the experiment of the deleted run `uuid` if none of its runs remains in the file and
/// none is being recorded.
pub(super) fn delete_without_runs(connection: &Connection, uuid: &str) -> rusqlite::Result<()> {
    let sql = "SELECT t.experiment FROM trials t WHERE t.run_uuid = ?1
               AND NOT EXISTS (SELECT 1 FROM trials o LEFT JOIN runs r ON r.uuid = o.run_uuid
                               WHERE o.experiment = t.experiment
                                 AND (r.no IS NOT NULL OR o.status = 'running'))";
    let found = connection
        .query_row(sql, [uuid], |r| r.get::<_, String>(0))
        .optional()?;
    if let Some(id) = found {
        // Files may be opened without foreign keys.
        connection.execute("DELETE FROM trials WHERE experiment = ?1", [&id])?;
        connection.execute("DELETE FROM experiments WHERE id = ?1", [&id])?;
    }
    Ok(())
}
