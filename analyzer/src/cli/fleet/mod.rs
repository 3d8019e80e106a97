//! `energy fleet`: totals of many hosts.

mod compact;
mod forget;
mod pull;
mod push;

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
        FleetCommand::Pull(args) => pull::run(db, args, out),
        FleetCommand::Compact(args) => compact::run(args, out),
        FleetCommand::Forget(args) => forget::run(db, args, out),
    }
}
