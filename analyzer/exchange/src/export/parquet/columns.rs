//! Buffers rows of a table by column.

use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::SerializedRowGroupWriter;

use super::shared::SharedBuffer;
use crate::query::{CellValue, ColumnType};

/// Columns of equal length.
pub(super) struct ParquetColumns(Vec<ParquetColumn>);

struct ParquetColumn {
    data: ColumnData,
    /// 1 where there is a value, 0 where it is null.
    levels: Vec<i16>,
}

enum ColumnData {
    Whole(Vec<i64>),
    Real(Vec<f64>),
    Text(Vec<ByteArray>),
}

impl ParquetColumns {
    pub(super) fn new(columns: &[(String, ColumnType)]) -> Self {
        let column = |(_, kind): &(String, ColumnType)| ParquetColumn {
            data: match kind {
                ColumnType::Whole => ColumnData::Whole(Vec::new()),
                ColumnType::Real => ColumnData::Real(Vec::new()),
                ColumnType::Text => ColumnData::Text(Vec::new()),
            },
            levels: Vec::new(),
        };
        Self(columns.iter().map(column).collect())
    }

    pub(super) fn rows(&self) -> usize {
        self.0.first().map_or(0, |column| column.levels.len())
    }

    /// Adds a row: its values, followed by `integers` for the additional columns.
    pub(super) fn push(&mut self, values: &[CellValue<'_>], integers: &[Option<i64>]) {
        let additional = integers
            .iter()
            .map(|integer| integer.map_or(CellValue::Null, CellValue::Whole));
        let values = values.iter().copied().chain(additional);
        for (column, value) in self.0.iter_mut().zip(values) {
            column.push(value);
        }
    }

    /// Returns a column's integers with their row numbers; null rows are skipped.
    pub(super) fn integers(&mut self, column: usize) -> impl Iterator<Item = (usize, &mut i64)> {
        let column = self.0.get_mut(column);
        let parts = column.and_then(|column| match &mut column.data {
            ColumnData::Whole(values) => Some((values, &column.levels)),
            _ => None,
        });
        parts.into_iter().flat_map(|(values, levels)| {
            let rows = levels.iter().enumerate();
            let known = rows.filter(|(_, level)| **level == 1).map(|(row, _)| row);
            known.zip(values.iter_mut())
        })
    }

    /// Writes all rows and clears the buffer.
    pub(super) fn write(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, SharedBuffer>,
    ) -> Result<()> {
        for column in &mut self.0 {
            let Some(mut writer) = group.next_column()? else {
                break;
            };
            let levels = &column.levels;
            match &mut column.data {
                ColumnData::Whole(values) => write::<Int64Type>(writer.typed(), values, levels)?,
                ColumnData::Real(values) => write::<DoubleType>(writer.typed(), values, levels)?,
                ColumnData::Text(values) => write::<ByteArrayType>(writer.typed(), values, levels)?,
            }
            writer.close()?;
            column.levels.clear();
        }
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

impl ParquetColumn {
    fn push(&mut self, value: CellValue<'_>) {
        match (&mut self.data, value) {
            (ColumnData::Whole(values), CellValue::Whole(value)) => values.push(value),
            (ColumnData::Real(values), CellValue::Real(value)) => values.push(value),
            (ColumnData::Text(values), CellValue::Text(text)) => values.push(text.into()),
            _ => return self.levels.push(0),
        }
        self.levels.push(1);
    }
}
