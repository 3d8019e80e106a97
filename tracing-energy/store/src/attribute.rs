//! Writes a new attribution of a stored run.

use super::chunked_transaction::ChunkedTransaction;
use super::error::{from_sqlite, store};
use super::recording::RowReader;
use super::{insert, insert_attribution};
use crate::Error;
use crate::store::Store;
use energy_data::rows::{Accounts, AttributionRows, BalanceRow, EventRow};
use energy_host as host;

/// Writes the rows of one new attribution. Other connections see it only once it is
/// complete.
pub struct AttributionWriter<'s> {
    store: &'s Store,
    transaction: ChunkedTransaction<'s>,
    run: i64,
    id: u32,
    has_head: bool,
}

impl<'s> AttributionWriter<'s> {
    /// Returns the store, to read the recording from.
    pub fn store(&self) -> &'s Store {
        self.store
    }

    /// Returns the run's number.
    pub fn run(&self) -> i64 {
        self.run
    }

    /// Returns the attribution's id; the id of a head is ignored.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Writes rows; the first call needs a head.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, rows: &AttributionRows) -> Result<(), Error> {
        let (run, id) = (self.run, self.id);
        let sql = from_sqlite(&self.store.path);
        if let Some(head) = &rows.head {
            let connection = self.transaction.connection();
            insert_attribution::head(connection, run, id, head, host::unix_ns()).map_err(&sql)?;
            self.has_head = true;
        }
        if !self.has_head {
            let message = "an attribution's rows were written before its head";
            return Err(store(&self.store.path, message));
        }
        insert_attribution::rows(&mut self.transaction, run, id, rows).map_err(&sql)
    }

    /// Adds events that the run does not have yet: a repeated attribution finds the same ones.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note(&mut self, events: &[EventRow]) -> Result<(), Error> {
        let sql = from_sqlite(&self.store.path);
        let known = "SELECT count(*) > 0 FROM events WHERE run = ?1 AND kind = ?2 AND message = ?3";
        for event in events {
            let connection = self.transaction.connection();
            let statement = connection.prepare_cached(known);
            let is_known: bool = statement
                .and_then(|mut s| {
                    s.query_row((self.run, &event.kind, &event.message), |r| r.get(0))
                })
                .map_err(&sql)?;
            if !is_known {
                insert::events(connection, self.run, std::slice::from_ref(event)).map_err(&sql)?;
            }
        }
        Ok(())
    }
}

impl Store {
    /// Writes a new attribution of run number `run` in one transaction: all that
    /// `attribute` writes, or nothing. Returns its id, one above the highest.
    ///
    /// # Errors
    /// An error of `attribute`, or when the file cannot be written.
    pub fn attribute(
        &self,
        run: i64,
        attribute: impl FnOnce(&mut AttributionWriter<'_>) -> Result<(), Error>,
    ) -> Result<u32, Error> {
        let sql = from_sqlite(&self.path);
        let transaction = ChunkedTransaction::begin_atomic(&self.connection).map_err(&sql)?;
        let (transaction, id, _) = self.attribute_within(transaction, run, attribute)?;
        transaction.commit().map_err(&sql)?;
        Ok(id)
    }

    /// Writes an attribution as [`Store::attribute`] does, within an open transaction; also
    /// returns whether anything was written.
    pub(super) fn attribute_within<'s>(
        &'s self,
        transaction: ChunkedTransaction<'s>,
        run: i64,
        attribute: impl FnOnce(&mut AttributionWriter<'_>) -> Result<(), Error>,
    ) -> Result<(ChunkedTransaction<'s>, u32, bool), Error> {
        let mut writer = AttributionWriter {
            store: self,
            transaction,
            run,
            id: self.next_attribution(run)?,
            has_head: false,
        };
        attribute(&mut writer)?;
        Ok((writer.transaction, writer.id, writer.has_head))
    }

    /// Returns the id of the attribution that the views show: the highest.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn shown_attribution(&self, run: i64) -> Result<Option<u32>, Error> {
        self.connection
            .prepare_cached("SELECT max(id) FROM attributions WHERE run = ?1")
            .and_then(|mut statement| statement.query_row([run], |r| r.get(0)))
            .map_err(from_sqlite(&self.path))
    }

    /// Reads `balance` of one attribution of a run, by rail.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn balances(&self, run: i64, id: u32) -> Result<RowReader<'_, BalanceRow>, Error> {
        let sql = "
            SELECT rail, measured_j, idle_j, spans_j, unattributed_j, other_processes_j, profiler_j,
                   residual_j, extrapolated_j, peak_w, peak_ns, unknown_j, covered_ns,
                   lo_j, hi_j, duration_ns
            FROM balance WHERE run = ?1 AND attribution = ?2 ORDER BY rail";
        self.rows(sql, (run, i64::from(id)), balance)
    }

    /// Adds an event to a run that has ended.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_event(&self, run: i64, event: &EventRow) -> Result<(), Error> {
        let sql = from_sqlite(&self.path);
        let transaction = ChunkedTransaction::begin_atomic(&self.connection).map_err(&sql)?;
        insert::events(transaction.connection(), run, std::slice::from_ref(event)).map_err(&sql)?;
        transaction.commit().map_err(&sql)
    }

    fn next_attribution(&self, run: i64) -> Result<u32, Error> {
        Ok(self.shown_attribution(run)?.unwrap_or(0) + 1)
    }
}

pub(super) fn balance(r: &rusqlite::Row<'_>) -> rusqlite::Result<BalanceRow> {
    Ok(BalanceRow {
        rail: r.get(0)?,
        accounts: Accounts {
            measured_j: r.get(1)?,
            idle_j: r.get(2)?,
            spans_j: r.get(3)?,
            unattributed_j: r.get(4)?,
            other_processes_j: r.get(5)?,
            profiler_j: r.get(6)?,
            residual_j: r.get(7)?,
            unknown_j: r.get(11)?,
        },
        extrapolated_j: r.get(8)?,
        peak_w: r.get(9)?,
        peak_ns: r.get(10)?,
        covered_ns: r.get(12)?,
        lo_j: r.get(13)?,
        hi_j: r.get(14)?,
        duration_ns: r.get(15)?,
    })
}
