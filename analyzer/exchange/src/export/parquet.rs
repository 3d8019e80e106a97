//! Parquet tables in a folder, for DuckDB, Polars, Spark and others:
//! `spans/date=2026-01-31/host=box/run=<id>/part-0.parquet`, so that runs of many
//! machines can share a folder and are read as one table.
//!
//! Each energy in joules has a second column in whole nanojoules. These sum exactly: self
//! energies of spans, and those of nodes, to the spans' account of the balance; the accounts of
//! each rail to its measured energy.

mod columns;
mod nanojoule_columns;
mod shared;

use std::io;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::format::{ExportFormat, FormatOutput};
use super::output::ExportWriter;
use super::source::ExportSource;
use super::tables::{self, Tables};
use crate::error::Result;
use crate::format::utc;
use crate::query::{CellValue, ColumnType, TableColumn};
use crate::walk::WalkStats;
use columns::ParquetColumns;
use nanojoule_columns::NanojouleColumns;
use shared::SharedBuffer;

/// Rows of a row group, which is held in memory.
const GROUP: usize = 128 * 1024;

/// The Parquet format.
pub(super) struct Parquet;

impl ExportFormat for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn about(&self) -> &'static str {
        "a folder of Parquet tables, partitioned"
    }

    fn output(&self) -> FormatOutput {
        FormatOutput::Folder
    }

    fn write(&self, source: &ExportSource<'_>, out: &mut ExportWriter<'_>) -> Result<WalkStats> {
        let mut files = ParquetFiles {
            partition: partition(source),
            figures: source.provenance(),
            nanojoules: NanojouleColumns::new(source),
            file: None,
            out,
        };
        tables::write(source, &mut files)
    }
}

/// Returns the Hive-style partition folders of a run.
fn partition(source: &ExportSource<'_>) -> String {
    let run = &source.run.row;
    let date = utc(run.start_unix_ns);
    let host = run.host.as_deref().unwrap_or("__HIVE_DEFAULT_PARTITION__");
    format!(
        "date={}/host={}/run={}",
        date.get(..10).unwrap_or("unknown"),
        escaped(host),
        escaped(&run.uuid)
    )
}

/// Percent-encodes characters that are not allowed in a folder's name.
fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let mut name = String::new();
    for byte in text.bytes() {
        match is_plain(byte) {
            true => name.push(byte.into()),
            false => name.push_str(&format!("%{byte:02X}")),
        }
    }
    match name.trim_matches('.').is_empty() {
        true => "_".to_owned(),
        false => name,
    }
}

struct ParquetFiles<'f, 'o> {
    out: &'f mut ExportWriter<'o>,
    partition: String,
    figures: String,
    nanojoules: NanojouleColumns,
    file: Option<ParquetTable>,
}

/// A table that is being written.
struct ParquetTable {
    writer: SerializedFileWriter<SharedBuffer>,
    bytes: SharedBuffer,
    columns: ParquetColumns,
}

impl Tables for ParquetFiles<'_, '_> {
    fn begin(&mut self, name: &'static str, columns: &[TableColumn]) -> Result<()> {
        self.out
            .next_file(&format!("{name}/{}/part-0.parquet", self.partition))?;
        self.nanojoules.begin(name, columns);
        let all = self.nanojoules.columns(columns);
        let schema = parse_message_type(&schema(name, &all)).map_err(parquet_error)?;
        let about = KeyValue::new("figures".to_owned(), self.figures.clone());
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(vec![about]))
            .build();
        let bytes = SharedBuffer::default();
        let writer =
            SerializedFileWriter::new(bytes.clone(), Arc::new(schema), Arc::new(properties))
                .map_err(parquet_error)?;
        self.file = Some(ParquetTable {
            writer,
            bytes,
            columns: ParquetColumns::new(&all),
        });
        Ok(())
    }

    fn row(&mut self, values: &[CellValue<'_>]) -> Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        // The last row stays in memory until the end, to receive the rounding remainder.
        if file.columns.rows() >= GROUP {
            file.write(self.out)?;
        }
        file.columns.push(values, &self.nanojoules.row(values));
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let Some(mut file) = self.file.take() else {
            return Ok(());
        };
        self.nanojoules.end(&mut file.columns);
        file.write(self.out)?;
        file.writer.finish().map_err(parquet_error)?;
        file.bytes.move_to(self.out)
    }
}

impl ParquetTable {
    /// Writes the buffered rows as a row group.
    fn write(&mut self, out: &mut ExportWriter<'_>) -> Result<()> {
        if self.columns.rows() == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(parquet_error)?;
        self.columns.write(&mut group).map_err(parquet_error)?;
        group.close().map_err(parquet_error)?;
        self.bytes.move_to(out)
    }
}

fn schema(name: &str, columns: &[(String, ColumnType)]) -> String {
    let column = |(name, kind): &(String, ColumnType)| match kind {
        ColumnType::Whole => format!("OPTIONAL INT64 {name};"),
        ColumnType::Real => format!("OPTIONAL DOUBLE {name};"),
        ColumnType::Text => format!("OPTIONAL BYTE_ARRAY {name} (UTF8);"),
    };
    let columns: Vec<String> = columns.iter().map(column).collect();
    format!("message {name} {{ {} }}", columns.join(" "))
}

fn parquet_error(error: parquet::errors::ParquetError) -> crate::Error {
    io::Error::other(error).into()
}
