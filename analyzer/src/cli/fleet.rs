//! `energy fleet`.

use std::io::Write;
use std::path::Path;

use clap::{Args, Subcommand};

use super::metrics::{self, MetricsArgs};

/// Energies of many hosts and services.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy fleet metrics
  energy fleet metrics --listen 0.0.0.0:9464 --token-file token.txt")]
pub struct FleetArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: FleetCommand,
}

/// What to do with the energies of a fleet.
#[derive(Debug, Subcommand)]
pub enum FleetCommand {
    /// Serve metrics of this host's runs for Prometheus
    Metrics(Box<MetricsArgs>),
}

pub(super) fn run(db: &Path, args: &FleetArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    match &args.command {
        FleetCommand::Metrics(args) => metrics::run(db, args, out),
    }
}
