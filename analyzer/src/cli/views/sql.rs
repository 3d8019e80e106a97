//! `energy query`.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use clap::Args;

use crate::format::Format;
use crate::run::parse_duration;
use crate::views::{SqlOptions, sql};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy query \"select phase, energy_j from v_phases where run = 1\"
  energy query \"select name, sql from sqlite_schema where type = 'view'\"
  energy query \"select * from v_tokens\" --format csv > tokens.csv

Queries are read-only. Views: v_runs, v_phases, v_sections, v_tokens, v_layers,
v_components, v_operations, v_power; `run` is the number of a run.")]
pub struct QueryArgs {
    /// A single SELECT statement
    #[arg(value_name = "SQL")]
    sql: String,
    /// Cancel the query after this time, e.g. 10s, 1m
    #[arg(long, value_parser = parse_duration, default_value = "10s")]
    timeout: Duration,
    /// Maximum number of rows in a table (0 lists all)
    #[arg(long, value_name = "N", default_value_t = SqlOptions::default().limit)]
    limit: usize,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(in crate::cli) fn run(db: &Path, args: &QueryArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recording = crate::cli::open_recording(db)?;
    let options = SqlOptions {
        timeout: args.timeout,
        limit: args.limit,
    };
    let answer = sql(recording, &args.sql, options)?;
    Ok(answer.write(out, args.format, &crate::cli::style())?)
}
