//! Changes what people say of runs that have ended: names and tags.

use rusqlite::{Connection, params};

use super::error::{from_sqlite, store};
use super::pace::Pace;
use super::{Life, Store};
use crate::Error;

impl Store {
    /// Names run number `run`, or takes its name away.
    ///
    /// # Errors
    /// When there is no such run, it is being recorded (the recorder would write its
    /// own name again), or the file cannot be written.
    pub fn set_name(&self, run: i64, name: Option<&str>) -> Result<(), Error> {
        self.edit(&[run], |connection, run| {
            let sql = "UPDATE runs SET name = ?2 WHERE no = ?1";
            connection.execute(sql, params![run, name])
        })
        .map(|_| ())
    }

    /// Gives all `runs` a tag, in place of the value that it had; all or none.
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

    /// Takes a tag from all `runs`; all or none. How many had it.
    ///
    /// # Errors
    /// As [`Store::set_name`].
    pub fn remove_tag(&self, runs: &[i64], key: &str) -> Result<usize, Error> {
        self.edit(runs, |connection, run| {
            let sql = "DELETE FROM run_tags WHERE run = ?1 AND key = ?2";
            connection.execute(sql, params![run, key])
        })
    }

    /// Changes `runs` in one transaction; how many rows.
    fn edit(
        &self,
        runs: &[i64],
        change: impl Fn(&Connection, i64) -> rusqlite::Result<usize>,
    ) -> Result<usize, Error> {
        let sql = from_sqlite(&self.path);
        let pace = Pace::whole(&self.connection).map_err(&sql)?;
        let mut changed = 0;
        for &run in runs {
            self.must_have_ended(run)?;
            changed += change(pace.connection(), run).map_err(&sql)?;
        }
        pace.commit().map_err(&sql)?;
        Ok(changed)
    }

    fn must_have_ended(&self, run: i64) -> Result<(), Error> {
        match self.life_of(run)? {
            None => Err(store(&self.path, format!("it holds no run number {run}"))),
            Some((found, life @ (Life::Alive | Life::Uncertain))) => Err(store(
                &self.path,
                format!(
                    "{}: change it when that has ended",
                    found.recorded(life, "")
                ),
            )),
            Some(_) => Ok(()),
        }
    }
}
