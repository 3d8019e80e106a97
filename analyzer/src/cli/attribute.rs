//! `energy attribute`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use tracing_energy::Method;
use tracing_energy::power::Kernel;
use tracing_energy::units::Nanos;

use super::RunSelector;
use crate::attribute::{Options, attribute, complete, parse_kernel, parse_offset};

const HELP: &str = "Examples:
  energy attribute sky --method fitted
  energy attribute sky --method calibrated --prior powers.csv
  energy attribute gpu-run --method fitted --rail gpu --kernel gpu=trailing:100ms

`fitted` estimates the power of each operation from all samples together, with
confidence intervals. `calibrated` starts from known powers: a file with the columns
kind,watts,relative_sd, or the calibration that `energy calibrate` stored for the
same model and machine. All attributions of a run are kept; the newest is shown.

A run whose process died is first closed at its last recorded time. A run that may still
be recorded elsewhere (another machine, another boot, a container) is only closed if
nothing was written for ten minutes, nor while this command waits.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct AttributeArgs {
    #[command(flatten)]
    run: RunSelector,
    /// Attribution method: proportional, fitted, calibrated
    #[arg(long, default_value_t, value_name = "METHOD")]
    method: Method,
    /// Only use the method for this rail, and proportional for the others (repeatable)
    #[arg(long, value_name = "NAME")]
    rail: Vec<String>,
    /// Averaging window of a rail's sensor: box, trailing:100ms, lowpass:60ms
    #[arg(long, value_parser = parse_kernel, value_name = "RAIL=KERNEL")]
    kernel: Vec<(String, Kernel)>,
    /// Time by which the sensor's clock is ahead of the program's, e.g. 12ms (default:
    /// estimated)
    #[arg(long, value_parser = parse_offset, value_name = "TIME", allow_hyphen_values = true)]
    offset: Option<Nanos>,
    /// File with known powers of operations, for the method calibrated
    #[arg(long, value_name = "FILE")]
    prior: Option<PathBuf>,
    /// Use a stored calibration even if it does not match the run
    #[arg(long)]
    force: bool,
    /// Use up to this many earlier runs of the same program as prior
    #[arg(long, value_name = "RUNS", default_value_t = 0)]
    pool: usize,
}

pub(super) fn run(db: &Path, args: AttributeArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(note) = complete(db, &args.run.selector)? {
        super::warn(&note);
    }
    let (recording, run) = super::open(db, &args.run)?;
    drop(recording);
    let options = Options {
        method: args.method,
        rails: args.rail,
        kernels: args.kernel,
        offset: args.offset,
        prior: args.prior,
        force: args.force,
        pool: args.pool,
    };
    let progress = super::progress::Progress::new("attributing");
    let id = attribute(db, &run.row.uuid, &options)?;
    drop(progress);
    Ok(writeln!(
        out,
        "run {}: attribution {id} ({})",
        run.title(),
        options.method
    )?)
}
