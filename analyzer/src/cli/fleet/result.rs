//! Results of commands that have no list.

use std::io::Write;

use crate::cli::console::style;
use crate::format::{Answer, Format};

/// Writes the result of a command: a sentence, or an object.
pub(super) fn write_result(
    out: &mut dyn Write,
    format: Format,
    sentence: String,
    result: Answer,
) -> anyhow::Result<()> {
    match format {
        Format::Json => result.note(sentence).write(out, format, &style())?,
        _ => writeln!(out, "{sentence}")?,
    }
    Ok(())
}
