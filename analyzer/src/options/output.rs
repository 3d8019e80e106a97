//! Output format of a command.

use clap::Args;

use crate::format::Format;

/// Output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Args)]
pub struct OutputFormat {
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    /// Same as `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl OutputFormat {
    /// Returns the selected format.
    pub fn format(self) -> Format {
        match self.json {
            true => Format::Json,
            false => self.format,
        }
    }
}
