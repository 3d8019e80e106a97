//! `energy fleet check`.

use std::io::Write;

use clap::Args;
use energy_fleet::questions::{CheckResult, Parameters};

use super::super::console::style;
use super::super::exit::SilentExit;
use super::program::ProgramOptions;
use crate::options::OutputFormat;

/// Exit code if a check found a fault.
pub(super) const FAULTS: u8 = 3;

/// Options of `energy fleet check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy fleet check --with duckdb /srv/energy
  energy fleet check --with spark-sql s3://fleet/energy --json

Exit code 3: a check found a fault. Each fault names the object.")]
pub struct FleetCheckArgs {
    /// Packs and program.
    #[command(flatten)]
    program: ProgramOptions,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(args: &FleetCheckArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (program, session) = args.program.open(&Parameters::default())?;
    let result = CheckResult::read(&program, &session)?;
    args.program.print(&result.timing);
    result.answer().write(out, args.output.format(), &style())?;
    match result.faults() {
        0 => Ok(()),
        _ => Err(SilentExit(FAULTS).into()),
    }
}
