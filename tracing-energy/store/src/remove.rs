//! Deletes runs and attributions by ranges of the tables' keys, which begin with the run or
//! contain it.

use rusqlite::{Connection, params};

use super::chunked_transaction::ChunkedTransaction;
use super::error::{from_sqlite, store};
use super::tables::{self, quoted};
use super::{experiments, shipments};
use crate::Error;
use crate::span_ids::span_ids;
use crate::store::Store;

impl Store {
    /// Deletes run number `run` with all its rows, in one transaction. If it was the last run of
    /// an experiment, the experiment is deleted, too: its plan can hold the prompt. The file keeps its
    /// size; the space is reused.
    ///
    /// # Errors
    /// When there is no such run, or the file cannot be written.
    pub fn delete_run(&self, run: i64) -> Result<(), Error> {
        let sql = from_sqlite(&self.path);
        let transaction = ChunkedTransaction::begin_atomic(&self.connection).map_err(&sql)?;
        let uuid = experiments::run_uuid(transaction.connection(), run).map_err(&sql)?;
        if delete_rows(transaction.connection(), run).map_err(&sql)? == 0 {
            return Err(store(&self.path, format!("it holds no run number {run}")));
        }
        if let Some(uuid) = uuid {
            experiments::delete_without_runs(transaction.connection(), &uuid).map_err(&sql)?;
            shipments::delete_sent(transaction.connection(), &uuid).map_err(&sql)?;
        }
        transaction.commit().map_err(&sql)
    }

    /// Deletes one attribution of run number `run`, in one transaction.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn delete_attribution(&self, run: i64, id: u32) -> Result<(), Error> {
        let sql = from_sqlite(&self.path);
        let transaction = ChunkedTransaction::begin_atomic(&self.connection).map_err(&sql)?;
        delete_attribution(transaction.connection(), run, id).map_err(&sql)?;
        transaction.commit().map_err(&sql)
    }
}

/// Deletes a run's rows; referring tables first.
pub(super) fn delete_rows(connection: &Connection, run: i64) -> rusqlite::Result<usize> {
    let mut deleted = 0;
    for table in tables::of_runs(connection)?.iter().rev() {
        let (name, of_run) = (quoted(&table.name), table.of_run(run));
        deleted = connection.execute(&format!("DELETE FROM {name} WHERE {of_run}"), [])?;
    }
    // The last table is `runs`, to which all others refer.
    Ok(deleted)
}

/// Deletes one attribution inside the caller's transaction.
pub(super) fn delete_attribution(
    connection: &Connection,
    run: i64,
    id: u32,
) -> rusqlite::Result<()> {
    let (first, last) = span_ids(run);
    connection.execute(
        "DELETE FROM span_energy WHERE span BETWEEN ?1 AND ?2 AND attribution = ?3",
        params![first, last, id],
    )?;
    for table in ["sample_balance", "window_power"] {
        let sql = format!("DELETE FROM {table} WHERE run = ?1 AND attribution = ?2");
        connection.execute(&sql, params![run, id])?;
    }
    let sql = "DELETE FROM attributions WHERE run = ?1 AND id = ?2";
    connection.execute(sql, params![run, id])?;
    Ok(())
}
