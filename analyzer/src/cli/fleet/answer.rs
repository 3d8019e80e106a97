//! `energy fleet ask`.

use std::io::Write;

use clap::Args;
use energy_fleet::questions::{Parameters, Question, QuestionRows, question};

use super::super::console::style;
use super::super::exit::UsageError;
use super::program::ProgramOptions;
use crate::format::Format;
use crate::options::OutputFormat;

/// Number of rows of a table.
const ROWS: usize = 30;

/// Options of `energy fleet ask`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy fleet ask services --with duckdb /srv/energy
  energy fleet ask tokens --with spark-sql s3://fleet/energy --timing
  energy fleet ask change --with duckdb packs --a version=1.2 --b version=1.3
  energy fleet ask outliers --with clickhouse /srv/energy --since 7d --json

No engine is built in. `duckdb` and `clickhouse` may also be the packages duckdb
and chdb of python3. The variables ENERGY_SPARK_SQL, ENERGY_DUCKDB and
ENERGY_CLICKHOUSE name programs as --program does.")]
pub struct FleetAnswerArgs {
    /// Question: see `energy fleet questions`
    #[arg(value_name = "NAME")]
    name: String,
    /// Packs and program.
    #[command(flatten)]
    program: ProgramOptions,
    /// Parameters of the question.
    #[command(flatten)]
    parameters: Parameters,
    /// Maximum number of rows (0 lists all) [default: 30 in tables, else all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(args: &FleetAnswerArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let question = question(&args.name)?;
    check_parameters(question, &args.parameters)?;
    let (program, session) = args.program.open(&args.parameters)?;
    let rows = QuestionRows::read(&program, &session, question)?;
    args.program.print(&rows.timing);
    let format = args.output.format();
    let is_text = matches!(format, Format::Table | Format::Markdown);
    let limit = args.limit.unwrap_or(if is_text { ROWS } else { 0 });
    let limit = if limit == 0 { usize::MAX } else { limit };
    Ok(rows.answer(limit).write(out, format, &style())?)
}

/// Checks that a question has the parameters without which it has no meaning.
pub(super) fn check_parameters(question: &Question, given: &Parameters) -> anyhow::Result<()> {
    let is_missing = match question.name {
        "change" => given.a.is_none() || given.b.is_none(),
        "trace" => given.trace_id.is_none(),
        _ => false,
    };
    if is_missing {
        return Err(UsageError(format!(
            "the question `{}` needs {}",
            question.name, question.needs
        ))
        .into());
    }
    Ok(())
}
