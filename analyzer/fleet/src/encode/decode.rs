//! Reads the rows of an object.

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};

use super::Cell;
use crate::columns::FleetTable;
use crate::error::{Error, Result};

/// Iterator over the rows of an object. Columns that the object lacks are null; columns that this
/// version does not know are left out.
pub struct ObjectRows {
    name: String,
    table: FleetTable,
    count: u64,
    rows: RowIter<'static>,
}

impl ObjectRows {
    /// Opens an object named `name`.
    ///
    /// # Errors
    /// If the object is no Parquet file, or is truncated.
    pub fn new(name: &str, bytes: Vec<u8>, table: &FleetTable) -> Result<Self> {
        let reader = SerializedFileReader::new(Bytes::from(bytes));
        let reader = reader.map_err(|error| broken(name, &error))?;
        let count = reader.metadata().file_metadata().num_rows();
        Ok(Self {
            count: u64::try_from(count).unwrap_or(0),
            rows: RowIter::from_file_into(Box::new(reader)),
            name: name.to_owned(),
            table: *table,
        })
    }

    /// Returns the number of rows of the object.
    pub fn row_count(&self) -> u64 {
        self.count
    }

    fn cells(&self, row: &Row) -> Vec<Cell> {
        let mut cells = vec![Cell::Null; self.table.columns().count()];
        for (column, field) in row.get_column_iter() {
            if let Some(at) = self.table.position(column) {
                cells[at] = cell(field);
            }
        }
        cells
    }
}

impl Iterator for ObjectRows {
    type Item = Result<Vec<Cell>>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next()?;
        let row = row.map_err(|error| broken(&self.name, &error));
        Some(row.map(|row| self.cells(&row)))
    }
}

/// Passes the rows of an object named `name` to `emit`.
///
/// # Errors
/// If the object is no Parquet file, is truncated, or `emit` fails.
pub fn decode(
    name: &str,
    bytes: Vec<u8>,
    table: &FleetTable,
    emit: &mut dyn FnMut(Vec<Cell>) -> Result<()>,
) -> Result<()> {
    ObjectRows::new(name, bytes, table)?.try_for_each(|row| emit(row?))
}

fn broken(name: &str, error: &ParquetError) -> Error {
    Error::Conflict(format!(
        "{name}: it is no whole Parquet object ({error}); restore it, or attribute its run again with \
         `energy attribute` and push: the new attribution is sent whole"
    ))
}

fn cell(field: &Field) -> Cell {
    match field {
        Field::Long(value) => Cell::Whole(*value),
        Field::Double(value) => Cell::Real(*value),
        Field::Str(value) => Cell::from(value),
        Field::Bool(value) => Cell::Flag(*value),
        _ => Cell::Null,
    }
}
