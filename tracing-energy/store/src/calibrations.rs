//! Calibrations: powers of kinds, and the conditions for which they are valid.

use rusqlite::{Connection, Row, params};

use super::chunked_transaction::ChunkedTransaction;
use super::error::{from_sqlite, store};
use crate::Error;
use crate::store::Store;
use energy_data::rows::{CalibrationKey, CalibrationKindRow, CalibrationRow};

/// A calibration with its number in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCalibration {
    /// Its number, ascending with time.
    pub id: i64,
    /// The calibration.
    pub row: CalibrationRow,
}

/// A calibration found for a key.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundCalibration {
    /// The calibration.
    pub calibration: StoredCalibration,
    /// Differences of its key from the requested one, as text. Not empty only if
    /// differences were allowed; results must then report them.
    pub differences: Vec<String>,
}

impl Store {
    /// Adds a calibration in one transaction and returns its number.
    ///
    /// # Errors
    /// When the file cannot be written, or a rail has a kind twice.
    pub fn insert_calibration(&self, row: &CalibrationRow) -> Result<i64, Error> {
        let sql = from_sqlite(&self.path);
        let transaction = ChunkedTransaction::begin_atomic(&self.connection).map_err(&sql)?;
        let id = insert(transaction.connection(), row).map_err(&sql)?;
        transaction.commit().map_err(&sql)?;
        Ok(id)
    }

    /// Returns all calibrations, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn calibrations(&self) -> Result<Vec<StoredCalibration>, Error> {
        read(&self.connection).map_err(from_sqlite(&self.path))
    }

    /// Returns the latest calibration with this key. With `force` and without a match,
    /// returns the latest of those with the fewest differences.
    ///
    /// # Errors
    /// When there is none; the message names what differs from the nearest one.
    pub fn find_calibration(
        &self,
        key: &CalibrationKey,
        force: bool,
    ) -> Result<FoundCalibration, Error> {
        let with_differences = |calibration: StoredCalibration| FoundCalibration {
            differences: key.differences(&calibration.row.key),
            calibration,
        };
        // `min_by_key` returns the first of equal ones: newest first.
        let all = self.calibrations()?.into_iter().rev();
        let nearest = all
            .map(with_differences)
            .min_by_key(|f| f.differences.len());
        let Some(nearest) = nearest else {
            return Err(store(
                &self.path,
                "it holds no calibration: make one with `energy calibrate`",
            ));
        };
        if nearest.differences.is_empty() || force {
            return Ok(nearest);
        }
        Err(store(
            &self.path,
            format!(
                "no calibration is valid for this run: the nearest one, number {}, differs in {}; calibrate again with `energy calibrate`, or use it anyway with --force",
                nearest.calibration.id,
                nearest.differences.join(", ")
            ),
        ))
    }
}

fn insert(connection: &Connection, row: &CalibrationRow) -> rusqlite::Result<i64> {
    let key = &row.key;
    connection.execute(
        "INSERT INTO calibrations (created_unix_ns, machine, model, precision, threads, device, depth, source, details)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            row.created_unix_ns,
            key.machine,
            key.model,
            key.precision,
            key.threads,
            key.device,
            key.depth,
            key.source,
            row.details
        ],
    )?;
    let id = connection.last_insert_rowid();
    let mut statement = connection.prepare_cached(
        "INSERT INTO calibration_kinds (calibration, rail, kind, watts, relative_sd, rounds, busy_ns)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for kind in &row.kinds {
        statement.execute(params![
            id,
            kind.rail,
            kind.kind,
            kind.watts,
            kind.relative_sd,
            kind.rounds,
            kind.busy_ns
        ])?;
    }
    Ok(id)
}

fn read(connection: &Connection) -> rusqlite::Result<Vec<StoredCalibration>> {
    let mut all = connection
        .prepare_cached("SELECT * FROM calibrations ORDER BY id")?
        .query_map([], calibration)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut kinds = connection.prepare_cached(
        "SELECT * FROM calibration_kinds WHERE calibration = ?1 ORDER BY rail, kind",
    )?;
    for calibration in &mut all {
        let rows = kinds.query_map([calibration.id], kind)?;
        calibration.row.kinds = rows.collect::<rusqlite::Result<_>>()?;
    }
    Ok(all)
}

/// Reads a calibration without kinds, which are in their own table.
fn calibration(r: &Row<'_>) -> rusqlite::Result<StoredCalibration> {
    Ok(StoredCalibration {
        id: r.get("id")?,
        row: CalibrationRow {
            created_unix_ns: r.get("created_unix_ns")?,
            key: CalibrationKey {
                machine: r.get("machine")?,
                model: r.get("model")?,
                precision: r.get("precision")?,
                threads: r.get("threads")?,
                device: r.get("device")?,
                depth: r.get("depth")?,
                source: r.get("source")?,
            },
            details: r.get("details")?,
            kinds: Vec::new(),
        },
    })
}

fn kind(r: &Row<'_>) -> rusqlite::Result<CalibrationKindRow> {
    Ok(CalibrationKindRow {
        rail: r.get("rail")?,
        kind: r.get("kind")?,
        watts: r.get("watts")?,
        relative_sd: r.get("relative_sd")?,
        rounds: r.get("rounds")?,
        busy_ns: r.get("busy_ns")?,
    })
}
