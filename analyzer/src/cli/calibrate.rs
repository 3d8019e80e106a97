//! `energy calibrate`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

#[cfg(not(feature = "inference"))]
use super::console::without_inference;
#[cfg(feature = "inference")]
use super::{
    console::{style, warn},
    file::create,
};
use crate::calibrate::CalibrateOptions;

/// Options of `energy calibrate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  energy calibrate --source rapl
  energy calibrate --model ./model.gguf --depth deep --budget 5m
  energy calibrate --export powers.csv

Runs each of the model's operations alone and measures its power. Keep the
machine idle during the measurement. Power must be measured: modelled and
replayed sources are refused. The result is valid for this machine, model file,
number format, number of threads, device, depth and source.")]
pub struct CalibrateArgs {
    /// The model and its measurement.
    #[command(flatten)]
    pub options: CalibrateOptions,
    /// Number of compute threads; the calibration is only valid for runs with as many
    /// [default: as in `energy run`]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Also write the powers to this file, for `energy attribute --prior` [default: none]
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

#[cfg(not(feature = "inference"))]
pub(super) fn run(_db: &Path, _args: &CalibrateArgs, _out: &mut dyn Write) -> anyhow::Result<()> {
    Err(without_inference())
}

#[cfg(feature = "inference")]
pub(super) fn run(db: &Path, args: &CalibrateArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(threads) = args.threads {
        use_threads(threads);
    }
    let bar = bar();
    let calibrated =
        crate::calibrate::calibrate(db, &args.options, &mut |progress| show(&bar, progress));
    bar.finish_and_clear();
    let calibrated = calibrated?;
    crate::calibrate::print(&calibrated.measured, style(), out)?;
    for warning in &calibrated.warnings {
        warn(warning);
    }
    let mut err = std::io::stderr();
    writeln!(
        err,
        "wrote calibration {} to {}",
        calibrated.id,
        db.display()
    )?;
    if let Some(path) = &args.export {
        let mut file = std::io::BufWriter::new(create(path)?);
        crate::priors::write_priors(&mut file, &calibrated.row.priors())?;
        file.flush()?;
        writeln!(err, "wrote {}", path.display())?;
    }
    Ok(())
}

#[cfg(feature = "inference")]
fn use_threads(threads: u16) {
    for name in energy_models::device::THREAD_VARIABLES {
        // SAFETY: the process has one thread until the model is loaded, so no
        // other thread reads the environment.
        unsafe { std::env::set_var(name, threads.to_string()) };
    }
}

#[cfg(feature = "inference")]
fn bar() -> indicatif::ProgressBar {
    use std::io::IsTerminal;

    if !std::io::stderr().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    let style = indicatif::ProgressStyle::with_template("{bar:20} {pos}/{len} {msg}");
    let style = style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
    indicatif::ProgressBar::new(0).with_style(style)
}

#[cfg(feature = "inference")]
fn show(bar: &indicatif::ProgressBar, progress: crate::calibrate::CalibrationProgress) {
    use crate::calibrate::CalibrationProgress;

    let (done, all, what) = match progress {
        CalibrationProgress::Preparing { step } => (0, 0, step),
        CalibrationProgress::Timing { done, kinds } => {
            (done, kinds, "timing operations".to_owned())
        }
        CalibrationProgress::Measuring { done, slots, kind } => (done, slots, kind),
    };
    bar.set_length(all as u64);
    bar.set_position(done as u64);
    bar.set_message(what);
}
