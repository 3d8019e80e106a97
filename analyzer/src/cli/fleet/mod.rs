//! `energy fleet`: totals of many hosts.

mod answer;
mod check;
mod compact;
mod forget;
mod list;
#[cfg(feature = "serve")]
mod metrics;
mod program;
mod pull;
mod push;
mod result;
mod sql;

use std::io::Write;
use std::path::Path;

use clap::{Args, Subcommand};

use super::examples;

/// Collect the energies of many hosts in a folder or an object store.
#[derive(Debug, Args)]
#[command(after_help = examples::FLEET)]
pub struct FleetArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: FleetCommand,
}

/// What to do with the totals of many hosts.
#[derive(Debug, Subcommand)]
pub enum FleetCommand {
    /// Send the totals of runs to a folder or an object store
    #[command(after_help = examples::FLEET_PUSH)]
    Push(Box<push::FleetPushArgs>),
    /// List the questions
    Questions(list::FleetQuestionsArgs),
    /// Answer a question by an engine that is installed
    #[command(name = "ask")]
    Answer(Box<answer::FleetAnswerArgs>),
    /// Print the SQL of a question
    Sql(Box<sql::FleetSqlArgs>),
    /// Check that all packs are whole and that their sums are exact
    Check(Box<check::FleetCheckArgs>),
    /// Serve metrics of this host's runs for Prometheus
    #[cfg(feature = "serve")]
    Metrics(Box<metrics::MetricsArgs>),
    /// Make a local recording of the totals of selected runs
    #[command(after_help = examples::FLEET_PULL)]
    Pull(pull::FleetPullArgs),
    /// Merge the objects of each day into one for each table
    #[command(after_help = examples::FLEET_COMPACT)]
    Compact(compact::FleetCompactArgs),
    /// Stop to expect that a destination receives runs
    #[command(after_help = examples::FLEET_FORGET)]
    Forget(forget::FleetForgetArgs),
}

pub(super) fn run(db: &Path, args: &FleetArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    match &args.command {
        FleetCommand::Push(args) => push::run(db, args, out),
        FleetCommand::Questions(args) => list::run(args, out),
        FleetCommand::Answer(args) => answer::run(args, out),
        FleetCommand::Sql(args) => sql::run(args, out),
        FleetCommand::Check(args) => check::run(args, out),
        #[cfg(feature = "serve")]
        FleetCommand::Metrics(args) => metrics::run(db, args, out),
        FleetCommand::Pull(args) => pull::run(db, args, out),
        FleetCommand::Compact(args) => compact::run(args, out),
        FleetCommand::Forget(args) => forget::run(db, args, out),
    }
}
