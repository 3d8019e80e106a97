//! `energy calibrate`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::calibrate::CalibrateOptions;
use crate::run::{Depth, Requantize, parse_duration};

/// Options of `energy calibrate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  energy calibrate --source rapl
  energy calibrate --model ./model.gguf --depth deep --budget 5m --export priors.csv

Runs each of the model's operations alone and measures its power. Keep the machine
idle during the measurement. The result is valid for this machine, model file,
number format, number of threads, device, depth and source.")]
pub struct CalibrateArgs {
    /// `smollm2` (downloaded once) or the path of a GGUF file
    #[arg(long, value_name = "NAME|PATH", default_value_t = CalibrateOptions::default().model)]
    model: String,
    /// Number format to convert weights to when the model is loaded
    #[arg(long, value_enum, default_value_t)]
    requantize: Requantize,
    /// Granularity of spans: module or deep
    #[arg(long, value_enum, default_value_t)]
    depth: Depth,
    /// Power source: auto, powermetrics or rapl
    #[arg(long, default_value_t = CalibrateOptions::default().source)]
    source: String,
    /// Time between power samples, e.g. 100ms, 1s
    #[arg(long, value_parser = parse_duration, default_value = "100ms")]
    interval: Duration,
    /// Duration of the measurement
    #[arg(long, value_parser = parse_duration, default_value = "3m")]
    budget: Duration,
    /// Number of compute threads; the calibration is only valid for runs with as many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Also write the powers to a file for `energy attribute --prior`
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

impl CalibrateArgs {
    /// Converts to the library's options.
    pub fn options(&self, db: &Path) -> CalibrateOptions {
        CalibrateOptions {
            model: self.model.clone(),
            requantize: self.requantize,
            depth: self.depth,
            source: self.source.clone(),
            interval: self.interval,
            budget: self.budget,
            database: db.to_owned(),
        }
    }
}

#[cfg(not(feature = "inference"))]
pub(super) fn run(_db: &Path, _args: &CalibrateArgs, _out: &mut dyn Write) -> anyhow::Result<()> {
    anyhow::bail!(
        "this build cannot run models; install one that can: cargo install energy-analyzer --features inference"
    )
}

#[cfg(feature = "inference")]
pub(super) fn run(db: &Path, args: &CalibrateArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(threads) = args.threads {
        use_threads(threads);
    }
    let bar = bar();
    let calibrated =
        crate::calibrate::calibrate(&args.options(db), &mut |progress| show(&bar, progress));
    bar.finish_and_clear();
    let calibrated = calibrated?;
    crate::calibrate::print(&calibrated.measured, super::style(), out)?;
    for warning in &calibrated.warnings {
        super::warn(warning);
    }
    let mut err = std::io::stderr();
    writeln!(
        err,
        "wrote calibration {} to {}",
        calibrated.id,
        db.display()
    )?;
    if let Some(path) = &args.export {
        let mut file = std::io::BufWriter::new(super::file::create(path)?);
        tracing_energy::priors::write_priors(&mut file, &calibrated.row.priors())?;
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
fn show(bar: &indicatif::ProgressBar, progress: crate::calibrate::Progress) {
    use crate::calibrate::Progress;

    let (done, all, what) = match progress {
        Progress::Preparing { step } => (0, 0, step),
        Progress::Timing { done, kinds } => (done, kinds, "timing operations".to_owned()),
        Progress::Measuring { done, slots, kind } => (done, slots, kind),
    };
    bar.set_length(all as u64);
    bar.set_position(done as u64);
    bar.set_message(what);
}
