//! The summary in each format.

use std::io::Write;

use super::data::Summary;
use super::{csv, table};
use crate::error::Result;
use crate::format::Format;
use crate::format::screen::OutputStyle;

impl Summary {
    /// Writes the summary in a format; `style` only affects tables.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write, format: Format, style: &OutputStyle) -> Result<()> {
        match format {
            Format::Table => table::write(self, out, style)?,
            Format::Markdown => table::write(self, out, &OutputStyle::markdown())?,
            Format::Json => {
                crate::format::json::write(out, &self.value())?;
            }
            Format::Csv => csv::write(&self.value(), out)?,
        }
        Ok(())
    }
}
