//! `energy attribute`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use tracing_energy::Method;
use tracing_energy::power::Kernel;
use tracing_energy::units::Nanos;

use super::WhichRun;
use crate::attribute::{Options, attribute, complete, parse_kernel, parse_offset};

const HELP: &str = "Examples:
  energy attribute sky --method fitted
  energy attribute sky --method calibrated --prior powers.csv
  energy attribute gpu-run --method fitted --rail gpu --kernel gpu=trailing:100ms

fitted estimates the power of each kind of span from all samples together and
says how sure it is; calibrated begins with powers known from elsewhere: a file
with the columns kind,watts,relative_sd, or what `energy calibrate` stored for
the same model and machine. All attributions of a run stay; the newest is shown.

A run whose process died is closed where it was last seen, first. One that may still be
recorded elsewhere (another machine, another boot, a container) is closed only if it was
silent for ten minutes and stays so while this command waits.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct AttributeArgs {
    #[command(flatten)]
    run: WhichRun,
    /// How to divide energy among spans: proportional, fitted, calibrated
    #[arg(long, default_value_t, value_name = "METHOD")]
    method: Method,
    /// Only this rail by the method, the others in proportion; may be repeated
    #[arg(long, value_name = "NAME")]
    rail: Vec<String>,
    /// Averaging window of a rail's sensor: box, trailing:100ms, lowpass:60ms
    #[arg(long, value_parser = parse_kernel, value_name = "RAIL=KERNEL")]
    kernel: Vec<(String, Kernel)>,
    /// How far the sensor's clock is ahead of the program's, as 12ms; else estimated
    #[arg(long, value_parser = parse_offset, value_name = "TIME", allow_hyphen_values = true)]
    offset: Option<Nanos>,
    /// Known powers of kinds, for the method calibrated
    #[arg(long, value_name = "FILE")]
    prior: Option<PathBuf>,
    /// Take a stored calibration even if it was made for something else
    #[arg(long)]
    force: bool,
    /// Start from what up to this many earlier runs of the same program found
    #[arg(long, value_name = "RUNS", default_value_t = 0)]
    pool: usize,
}

pub(super) fn run(db: &Path, args: AttributeArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(note) = complete(db, &args.run.which)? {
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
