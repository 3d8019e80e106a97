//! A folder of comma-separated tables (RFC 4180), one file each. An empty field means unknown.

use std::fmt::Write as _;

use super::format::{ExportFormat, FormatOutput};
use super::output::ExportWriter;
use super::source::ExportSource;
use super::tables::{self, Tables};
use crate::error::Result;
use crate::format::csv_text;
use crate::query::{CellValue, TableColumn};
use crate::walk::WalkStats;

/// The CSV format.
pub(super) struct Csv;

impl ExportFormat for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "a folder of tables, one CSV file each"
    }

    fn output(&self) -> FormatOutput {
        FormatOutput::Folder
    }

    fn write(&self, source: &ExportSource<'_>, out: &mut ExportWriter<'_>) -> Result<WalkStats> {
        tables::write(
            source,
            &mut CsvFiles {
                out,
                text: String::new(),
            },
        )
    }
}

struct CsvFiles<'f, 'o> {
    out: &'f mut ExportWriter<'o>,
    text: String,
}

impl Tables for CsvFiles<'_, '_> {
    fn begin(&mut self, name: &'static str, columns: &[TableColumn]) -> Result<()> {
        self.out.next_file(&format!("{name}.csv"))?;
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        self.text = names.join(",") + "\n";
        self.flush()
    }

    fn row(&mut self, values: &[CellValue<'_>]) -> Result<()> {
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            // Writing to a string does not fail.
            let _ = match value {
                CellValue::Null => Ok(()),
                CellValue::Whole(value) => write!(self.text, "{value}"),
                CellValue::Real(value) => write!(self.text, "{value}"),
                CellValue::Text(text) => self.text.write_str(&csv_text(text)),
            };
        }
        self.text.push('\n');
        self.flush()
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

impl CsvFiles<'_, '_> {
    fn flush(&mut self) -> Result<()> {
        std::io::Write::write_all(self.out, self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }
}
