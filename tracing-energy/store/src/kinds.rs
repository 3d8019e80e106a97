//! Reads the estimates of kinds.

use rusqlite::types::Type;
use rusqlite::{Connection, Row};

use super::error::from_sqlite;
use super::recording::{self, RowReader, named};
use crate::Error;
use crate::store::Store;
use energy_attribution::Kinds;
use energy_data::rows::{Basis, KindEnergyRow, KindFitRow, KindGroupRow};

impl Store {
    /// Reads `kind_energy` of one attribution of a run, by rail and kind.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn kind_energy(&self, run: i64, id: u32) -> Result<RowReader<'_, KindEnergyRow>, Error> {
        let sql = "
            SELECT rail, kind, name, self_j, lo_j, hi_j, extrapolated_j, self_ns, power_w,
                   basis, nullif(grouping, 0), covered_ns
            FROM kind_energy WHERE run = ?1 AND attribution = ?2 ORDER BY rail, kind";
        self.rows(sql, (run, i64::from(id)), kind_energy)
    }

    /// Reads `kind_groups` of one attribution of a run, by rail and group.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn kind_groups(&self, run: i64, id: u32) -> Result<RowReader<'_, KindGroupRow>, Error> {
        let sql = "
            SELECT rail, grouping, self_j, lo_j, hi_j
            FROM kind_groups WHERE run = ?1 AND attribution = ?2 ORDER BY rail, grouping";
        self.rows(sql, (run, i64::from(id)), kind_group)
    }

    /// Reads `kind_fits` of one attribution of a run, by rail.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn kind_fits(&self, run: i64, id: u32) -> Result<RowReader<'_, KindFitRow>, Error> {
        let sql = "
            SELECT rail, kinds, ln_power, covariance
            FROM kind_fits WHERE run = ?1 AND attribution = ?2 ORDER BY rail";
        self.rows(sql, (run, i64::from(id)), kind_fit)
    }

    /// Returns the kinds of a run's nodes. Parents of kinds depend on `self_ns`, the self
    /// time by node id.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn kinds(&self, run: i64, self_ns: impl Fn(u32) -> i64) -> Result<Kinds, Error> {
        read_kinds(&self.connection, run, self_ns).map_err(from_sqlite(&self.path))
    }
}

/// Reads kinds as [`Store::kinds`] does, inside an SQL function.
pub(super) fn read_kinds(
    connection: &Connection,
    run: i64,
    self_ns: impl Fn(u32) -> i64,
) -> rusqlite::Result<Kinds> {
    let mut nodes = connection.prepare_cached(recording::NODES)?;
    let mut callsites = connection.prepare_cached(recording::CALLSITES)?;
    let nodes = nodes.query_map([run, 1], recording::node)?;
    let callsites = callsites.query_map([run, 1], recording::callsite)?;
    Ok(Kinds::of(
        &nodes.collect::<rusqlite::Result<Vec<_>>>()?,
        &callsites.collect::<rusqlite::Result<Vec<_>>>()?,
        self_ns,
    ))
}

fn kind_energy(r: &Row<'_>) -> rusqlite::Result<KindEnergyRow> {
    Ok(KindEnergyRow {
        rail: r.get(0)?,
        kind: r.get(1)?,
        name: r.get(2)?,
        self_j: r.get(3)?,
        lo_j: r.get(4)?,
        hi_j: r.get(5)?,
        extrapolated_j: r.get(6)?,
        self_ns: r.get(7)?,
        power_w: r.get(8)?,
        basis: named(r, 9, Basis::from_name)?,
        grouping: r.get(10)?,
        covered_ns: r.get(11)?,
    })
}

fn kind_group(r: &Row<'_>) -> rusqlite::Result<KindGroupRow> {
    Ok(KindGroupRow {
        rail: r.get(0)?,
        grouping: r.get(1)?,
        self_j: r.get(2)?,
        lo_j: r.get(3)?,
        hi_j: r.get(4)?,
    })
}

fn kind_fit(r: &Row<'_>) -> rusqlite::Result<KindFitRow> {
    let kinds = serde_json::from_str(r.get_ref(1)?.as_str()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(1, Type::Text, error.into()))?;
    Ok(KindFitRow {
        rail: r.get(0)?,
        kinds,
        ln_power: numbers(r, 2)?,
        covariance: numbers(r, 3)?,
    })
}

/// Reads little-endian f64s.
fn numbers(r: &Row<'_>, column: usize) -> rusqlite::Result<Vec<f64>> {
    let (numbers, remainder) = r.get_ref(column)?.as_blob()?.as_chunks::<8>();
    if !remainder.is_empty() {
        let why = "its length is not a multiple of 8".into();
        return Err(rusqlite::Error::FromSqlConversionFailure(
            column,
            Type::Blob,
            why,
        ));
    }
    Ok(numbers
        .iter()
        .map(|bytes| f64::from_le_bytes(*bytes))
        .collect())
}
