//! Tables as Parquet. The same rows give the same bytes: nothing in them is the time of writing.

mod cell;
mod column;
mod decode;

use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::columns::{FleetTable, FleetType};
use crate::error::{Error, Result};
use column::ColumnBuffer;

pub use cell::Cell;
pub use decode::{ObjectRows, decode};

/// Rows of a row group, which is held in memory.
const GROUP: usize = 16 * 1024;

/// A table that is being encoded.
pub struct TableEncoder {
    writer: SerializedFileWriter<Vec<u8>>,
    columns: Vec<ColumnBuffer>,
    buffered: usize,
    rows: u64,
}

impl TableEncoder {
    /// Begins a table of any number of rows.
    ///
    /// # Errors
    /// If the columns are not valid in Parquet.
    pub fn new(table: &FleetTable) -> Result<Self> {
        Self::with_properties(table, properties().build())
    }

    /// Begins a table of few rows: without what only helps to skip rows, which would be most of the
    /// object.
    ///
    /// # Errors
    /// If the columns are not valid in Parquet.
    pub fn small(table: &FleetTable) -> Result<Self> {
        let small = properties()
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(true);
        Self::with_properties(table, small.build())
    }

    fn with_properties(table: &FleetTable, properties: WriterProperties) -> Result<Self> {
        let schema = parse_message_type(&schema(table)).map_err(parquet_error)?;
        let writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties));
        Ok(Self {
            writer: writer.map_err(parquet_error)?,
            columns: table
                .columns()
                .map(|(_, kind)| ColumnBuffer::new(kind))
                .collect(),
            buffered: 0,
            rows: 0,
        })
    }

    /// Adds a row with a value for each column.
    ///
    /// # Errors
    /// If a row group cannot be encoded.
    pub fn push(&mut self, row: &[Cell]) -> Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(row) {
            column.push(cell);
        }
        self.buffered += 1;
        self.rows += 1;
        match self.buffered >= GROUP {
            true => self.end_group(),
            false => Ok(()),
        }
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the table and returns its bytes.
    ///
    /// # Errors
    /// If the last row group cannot be encoded.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        if self.buffered > 0 {
            self.end_group()?;
        }
        self.writer.into_inner().map_err(parquet_error)
    }

    fn end_group(&mut self) -> Result<()> {
        let mut group = self.writer.next_row_group().map_err(parquet_error)?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column().map_err(parquet_error)? else {
                break;
            };
            column.write(&mut writer).map_err(parquet_error)?;
            writer.close().map_err(parquet_error)?;
        }
        group.close().map_err(parquet_error)?;
        self.buffered = 0;
        Ok(())
    }
}

fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by("tracing-energy".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
}

fn schema(table: &FleetTable) -> String {
    let column = |(name, kind): (&str, FleetType)| match kind {
        FleetType::Whole => format!("OPTIONAL INT64 {name};"),
        FleetType::Real => format!("OPTIONAL DOUBLE {name};"),
        FleetType::Text => format!("OPTIONAL BYTE_ARRAY {name} (UTF8);"),
        FleetType::Flag => format!("OPTIONAL BOOLEAN {name};"),
    };
    let columns: Vec<String> = table.columns().map(column).collect();
    format!("message {} {{ {} }}", table.name, columns.join(" "))
}

fn parquet_error(error: ParquetError) -> Error {
    Error::Sink(format!("a table cannot be encoded as Parquet: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::RAILS;

    fn row(no: i64) -> Vec<Cell> {
        let text = |text: &str| Cell::from(text);
        vec![
            text("id"),
            Cell::Null,
            Cell::Null,
            text("run"),
            Cell::Whole(1),
            Cell::Whole(no),
            text("rapl/cpu"),
            text("rapl"),
            text("cpu"),
            text("cpu"),
            Cell::Null,
            Cell::Flag(no % 2 == 0),
            text("measured"),
            Cell::Whole(no),
            Cell::Real(0.5),
        ]
    }

    fn encoded(rows: i64) -> Vec<u8> {
        let mut table = TableEncoder::new(&RAILS).unwrap();
        (0..rows).for_each(|no| table.push(&row(no)).unwrap());
        assert_eq!(table.rows(), rows as u64);
        table.finish().unwrap()
    }

    #[test]
    fn rows_are_read_as_written_and_bytes_are_always_the_same() {
        for rows in [0, 1, GROUP as i64 + 1] {
            let bytes = encoded(rows);
            assert_eq!(bytes, encoded(rows));
            let mut read = Vec::new();
            decode("rails", bytes, &RAILS, &mut |row| {
                read.push(row);
                Ok(())
            })
            .unwrap();
            assert_eq!(read, (0..rows).map(row).collect::<Vec<_>>());
        }
    }

    /// A service that sends a pack each 15 minutes sends less than 2 MB a day.
    #[test]
    fn small_tables_are_small() {
        let mut table = TableEncoder::small(&RAILS).unwrap();
        (0..3).for_each(|no| table.push(&row(no)).unwrap());
        let bytes = table.finish().unwrap();
        assert!(bytes.len() < 2_500, "{}", bytes.len());
        assert!(encoded(3).len() > bytes.len());
    }

    #[test]
    fn a_truncated_object_is_one_clear_error() {
        let mut bytes = encoded(10);
        bytes.truncate(bytes.len() / 2);
        let error = decode("v1/rails/a.parquet", bytes, &RAILS, &mut |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("v1/rails/a.parquet"), "{error}");
    }
}
