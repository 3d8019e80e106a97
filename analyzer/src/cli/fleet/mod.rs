//! `energy fleet`: energies of many hosts.

mod answer;
mod check;
mod list;
mod program;
mod sql;

use std::io::Write;

use clap::{Args, Subcommand};

/// Options of `energy fleet`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy fleet questions
  energy fleet ask services --with duckdb /srv/energy
  energy fleet check --with duckdb /srv/energy")]
pub struct FleetArgs {
    /// What to do.
    #[command(subcommand)]
    command: FleetCommand,
}

/// Commands of a fleet.
#[derive(Debug, Subcommand)]
enum FleetCommand {
    /// List the questions
    Questions(list::QuestionsArgs),
    /// Answer a question by an engine that is installed
    #[command(name = "ask")]
    Answer(Box<answer::AnswerArgs>),
    /// Print the SQL of a question
    Sql(Box<sql::SqlArgs>),
    /// Check that all packs are whole and that their sums are exact
    Check(Box<check::CheckArgs>),
}

pub(super) fn run(args: &FleetArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    match &args.command {
        FleetCommand::Questions(args) => list::run(args, out),
        FleetCommand::Answer(args) => answer::run(args, out),
        FleetCommand::Sql(args) => sql::run(args, out),
        FleetCommand::Check(args) => check::run(args, out),
    }
}
