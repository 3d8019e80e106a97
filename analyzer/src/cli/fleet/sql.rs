//! `energy fleet sql`.

use std::io::Write;

use clap::Args;
use energy_fleet::questions::{Engine, Parameters, Session, question};

/// Options of `energy fleet sql`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy fleet sql hosts --engine duckdb /srv/energy | duckdb
  energy fleet sql tokens --engine spark-sql s3://fleet/energy > tokens.sql

Prints the definitions of tables, functions and views, then the question. The
question is the same for all engines.")]
pub struct FleetSqlArgs {
    /// Question: see `energy fleet questions`
    #[arg(value_name = "NAME")]
    name: String,
    /// Folder or bucket with the packs: a path, s3://, gs:// or az://
    #[arg(value_name = "ROOT")]
    root: String,
    /// Engine that will execute it: spark-sql, duckdb or clickhouse
    #[arg(
        long,
        alias = "with",
        value_name = "ENGINE",
        value_enum,
        hide_possible_values = true
    )]
    engine: Engine,
    /// Parameters of the question.
    #[command(flatten)]
    parameters: Parameters,
}

pub(super) fn run(args: &FleetSqlArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let question = question(&args.name)?;
    super::answer::check_parameters(question, &args.parameters)?;
    let session = Session::new(args.engine, &args.root, &args.parameters)?;
    write!(out, "{}", session.text(question.sql))?;
    Ok(())
}
