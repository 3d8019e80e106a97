//! `energy attribute`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::console::warn;
use super::database::open;
use crate::attribute::{ReattributionOptions, attribute, complete};
use crate::options::RunSelector;

/// Options of `energy attribute`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy attribute sky --method fitted
  energy attribute sky --method calibrated --prior powers.csv
  energy attribute sky --method fitted --rail gpu --kernel gpu=trailing:100ms

`fitted` estimates the power of each operation from all samples together, with
confidence intervals. `calibrated` starts from known powers: a file with the
columns kind,watts,relative_sd, or the calibration that `energy calibrate`
stored for the same model and machine. All attributions of a run are kept; the
newest is shown.

A run of a dead process is first closed at its last recorded time. A run that
may still be recorded elsewhere (another machine, another boot, a container) is
only closed if nothing was written for ten minutes, nor while this command
waits.")]
pub struct AttributeArgs {
    /// The run.
    #[command(flatten)]
    run: RunSelector,
    /// The method and its inputs.
    #[command(flatten)]
    pub options: ReattributionOptions,
}

pub(super) fn run(db: &Path, args: &AttributeArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(note) = complete(db, &args.run.selector)? {
        warn(&note);
    }
    let (recording, run) = open(db, &args.run)?;
    drop(recording);
    let progress = super::progress::Progress::new("attributing");
    let id = attribute(db, &run.row.uuid, &args.options)?;
    drop(progress);
    Ok(writeln!(
        out,
        "run {}: attribution {id} ({})",
        run.title(),
        args.options.method
    )?)
}
