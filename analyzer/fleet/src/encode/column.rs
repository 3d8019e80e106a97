//! Values of one column of a row group.

use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::SerializedColumnWriter;

use super::Cell;
use crate::columns::FleetType;

pub(super) struct ColumnBuffer {
    values: ColumnValues,
    /// 1 where there is a value, 0 where it is null.
    levels: Vec<i16>,
}

enum ColumnValues {
    Whole(Vec<i64>),
    Real(Vec<f64>),
    Text(Vec<ByteArray>),
    Flag(Vec<bool>),
}

impl ColumnBuffer {
    pub(super) fn new(kind: FleetType) -> Self {
        Self {
            values: match kind {
                FleetType::Whole => ColumnValues::Whole(Vec::new()),
                FleetType::Real => ColumnValues::Real(Vec::new()),
                FleetType::Text => ColumnValues::Text(Vec::new()),
                FleetType::Flag => ColumnValues::Flag(Vec::new()),
            },
            levels: Vec::new(),
        }
    }

    /// Adds a value. One of another type is null.
    pub(super) fn push(&mut self, cell: &Cell) {
        match (&mut self.values, cell) {
            (ColumnValues::Whole(values), Cell::Whole(value)) => values.push(*value),
            (ColumnValues::Real(values), Cell::Real(value)) => values.push(*value),
            (ColumnValues::Text(values), Cell::Text(value)) => values.push(value.as_str().into()),
            (ColumnValues::Flag(values), Cell::Flag(value)) => values.push(*value),
            _ => return self.levels.push(0),
        }
        self.levels.push(1);
    }

    /// Writes all values and clears the buffer.
    pub(super) fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let levels = &self.levels;
        match &mut self.values {
            ColumnValues::Whole(values) => write::<Int64Type>(writer.typed(), values, levels)?,
            ColumnValues::Real(values) => write::<DoubleType>(writer.typed(), values, levels)?,
            ColumnValues::Text(values) => write::<ByteArrayType>(writer.typed(), values, levels)?,
            ColumnValues::Flag(values) => write::<BoolType>(writer.typed(), values, levels)?,
        }
        self.levels.clear();
        Ok(())
    }
}

fn write<T: DataType>(
    writer: &mut ColumnWriterImpl<'_, T>,
    values: &mut Vec<T::T>,
    levels: &[i16],
) -> Result<()> {
    writer.write_batch(values, Some(levels), None)?;
    values.clear();
    Ok(())
}
