//! `energy table`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::analyse::open_all;
use super::console::style;
use super::exit::UsageError;
use crate::analyse::{Latencies, read_configurations};
use crate::query::{Recording, RunFilter};
use crate::table::{ConfigurationTable, TableFormat};

/// Options of `energy table`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy table
  energy table --experiment lengths --format latex > table.tex
  energy table --model smollm2 --also other.db --format json

A row is a configuration: model, precision, batch, context, engine. Its values
are means of its complete runs. The LaTeX table needs the package booktabs.
JSON has the schema energy-table/1.")]
pub struct TableArgs {
    /// Runs to use.
    #[command(flatten)]
    pub filter: RunFilter,
    /// Further database, e.g. of another machine (repeatable) [default: none]
    #[arg(long, value_name = "FILE")]
    also: Vec<PathBuf>,
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: TableFormat,
    /// Same as `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

pub(super) fn run(db: &Path, args: &TableArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recordings = open_all(db, &args.also)?;
    let recordings: Vec<&Recording> = recordings.iter().collect();
    let read = read_configurations(&recordings, &args.filter, Latencies::Read)?;
    if read.configurations.is_empty() {
        let text = "no complete run with a known energy per token matches: list runs with \
                    `energy runs`, or record some with `energy sweep`";
        return Err(UsageError(text.to_owned()).into());
    }
    let table = ConfigurationTable::of(&read, args.filter.experiment.as_deref());
    let format = match args.json {
        true => TableFormat::Json,
        false => args.format,
    };
    Ok(table.write(out, format, &style())?)
}
