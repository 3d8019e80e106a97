//! A folder of comma-separated tables (RFC 4180), one file each. An empty field is not
//! known.

use std::fmt::Write as _;

use super::tables::{self, Tables};
use super::{Format, Makes, Output, Source, Walked};
use crate::error::Result;
use crate::format::csv_text;
use crate::query::{Column, Value};

/// The format.
pub(super) struct Csv;

impl Format for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "a folder of tables, one CSV file each"
    }

    fn makes(&self) -> Makes {
        Makes::Folder
    }

    fn write(&self, source: &Source<'_>, out: &mut Output<'_>) -> Result<Walked> {
        tables::write(
            source,
            &mut Files {
                out,
                text: String::new(),
            },
        )
    }
}

struct Files<'f, 'o> {
    out: &'f mut Output<'o>,
    text: String,
}

impl Tables for Files<'_, '_> {
    fn begin(&mut self, name: &'static str, columns: &[Column]) -> Result<()> {
        self.out.next_file(&format!("{name}.csv"))?;
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        self.text = names.join(",") + "\n";
        self.flush()
    }

    fn row(&mut self, values: &[Value<'_>]) -> Result<()> {
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            // Writing to a string does not fail.
            let _ = match value {
                Value::Null => Ok(()),
                Value::Whole(value) => write!(self.text, "{value}"),
                Value::Real(value) => write!(self.text, "{value}"),
                Value::Text(text) => self.text.write_str(&csv_text(text)),
            };
        }
        self.text.push('\n');
        self.flush()
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Files<'_, '_> {
    fn flush(&mut self) -> Result<()> {
        std::io::Write::write_all(self.out, self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }
}
