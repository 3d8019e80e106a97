//! Changes names and tags of ended runs.

use rusqlite::{Connection, params};

use super::RunLiveness;
use super::chunked_transaction::ChunkedTransaction;
use super::error::{from_sqlite, store};
use crate::Error;
use crate::store::Store;

impl Store {
    /// Sets or clears the name of run number `run`.
    ///
    /// # Errors
    /// When there is no such run, it is being recorded (the recorder would overwrite the
    /// name), or the file cannot be written.
    pub fn set_name(&self, run: i64, name: Option<&str>) -> Result<(), Error> {
        self.edit(&[run], |connection, run| {
            let sql = "UPDATE runs SET name = ?2 WHERE no = ?1";
            connection.execute(sql, params![run, name])
        })
        .map(|_| ())
    }

    /// Sets a tag of all `runs`, replacing an earlier value; all or none.
    ///
    /// # Errors
    /// As [`Store::set_name`].
    pub fn set_tag(&self, runs: &[i64], key: &str, value: &str) -> Result<(), Error> {
        self.edit(runs, |connection, run| {
            let sql = "INSERT OR REPLACE INTO run_tags (run, key, value) VALUES (?1, ?2, ?3)";
            connection.execute(sql, params![run, key, value])
        })
        .map(|_| ())
    }

    /// Removes a tag from all `runs`; all or none. Returns how many had it.
    ///
    /// # Errors
    /// As [`Store::set_name`].
    pub fn remove_tag(&self, runs: &[i64], key: &str) -> Result<usize, Error> {
        self.edit(runs, |connection, run| {
            let sql = "DELETE FROM run_tags WHERE run = ?1 AND key = ?2";
            connection.execute(sql, params![run, key])
        })
    }

    /// Changes `runs` in one transaction; returns the number of changed rows.
    fn edit(
        &self,
        runs: &[i64],
        change: impl Fn(&Connection, i64) -> rusqlite::Result<usize>,
    ) -> Result<usize, Error> {
        let sql = from_sqlite(&self.path);
        let transaction = ChunkedTransaction::begin_atomic(&self.connection).map_err(&sql)?;
        let mut changed = 0;
        for &run in runs {
            self.ensure_ended(run)?;
            changed += change(transaction.connection(), run).map_err(&sql)?;
        }
        transaction.commit().map_err(&sql)?;
        Ok(changed)
    }

    fn ensure_ended(&self, run: i64) -> Result<(), Error> {
        match self.liveness_of(run)? {
            None => Err(store(&self.path, format!("it holds no run number {run}"))),
            Some((found, liveness @ (RunLiveness::Alive | RunLiveness::Uncertain))) => Err(store(
                &self.path,
                format!(
                    "{}: change it after the recording has ended",
                    found.recording_message(liveness, "")
                ),
            )),
            Some(_) => Ok(()),
        }
    }
}
