//! Imports runs that other programs recorded: spans and power samples as tables, or power
//! alone.
//!
//! ```text
//! spans.csv    span_id,parent_id,thread,kind,start_ns,end_ns,rail
//! samples.csv  t_start_ns,t_end_ns,rail,energy_mj       or a format that replay reads
//! ```
//!
//! Files are read and checked completely before the first row is written. The spans' clock is
//! shifted to count from the run's start, so that every sample lies within the run. There are
//! no CPU times: attribution is by active time.

mod align;
mod anomaly;
mod chrome;
mod idle;
mod imported;
mod power;
mod recording;
mod spans;
mod trace;
mod tree;
mod write;

pub use chrome::{ChromeOptions, import_chrome, parse_start};
pub use imported::Imported;
pub use recording::{PowerOptions, import_power};

use std::path::{Path, PathBuf};

use clap::Args;
use energy_attribution::batches::BatchActivity;
use energy_data::AttributeOptions;
use energy_data::Kernel;

use crate::error::Result;
use crate::options::{KERNEL_HELP, parse_kernel};
use imported::warn_of_gaps;

/// Input files and their interpretation.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ImportOptions {
    /// CSV table of spans
    #[arg(long, value_name = "FILE")]
    pub spans: PathBuf,
    /// CSV table of samples of one source; its clock may differ from that of the spans
    #[arg(long, value_name = "FILE")]
    pub samples: PathBuf,
    /// Name of the run [default: none]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Averaging windows of sensors, by rail; other rails report means of samples.
    #[arg(long = "kernel", value_name = "RAIL=KERNEL", help = KERNEL_HELP,
          value_parser = parse_kernel)]
    pub kernels: Vec<(String, Kernel)>,
}

/// Imports a run into the recording at `db`, which is created if needed, and attributes it by
/// the method `proportional`.
///
/// # Errors
/// Fails if a file is invalid (the message includes the line); nothing is written then. Also
/// fails if the recording cannot be written.
pub fn import(db: &Path, options: &ImportOptions) -> Result<Imported> {
    let mut trace = spans::read(&options.spans)?;
    let tree = tree::build(&mut trace, &options.spans)?;
    let mut power = power::read(&options.samples, &options.kernels)?;
    let spans = || trace.spans.iter().map(|span| (span.start_ns, span.end_ns));
    power.merge_batches(|| Some(BatchActivity::of(spans())));
    power
        .anomalies
        .extend(align::clock_change(&trace, &power, 0.0));
    let description = write::RunDescription {
        name: options.name.clone(),
        config: serde_json::json!({
            "spans": options.spans.display().to_string(),
            "samples": options.samples.display().to_string(),
        }),
        zero_unix_ns: None,
    };
    let run = write::ImportedRun::new(description, trace, tree, power);
    let mut imported = run.imported();
    run.write(db)?;
    energy_store::reattribute(db, &imported.uuid, &AttributeOptions::default())?;
    warn_of_gaps(db, &mut imported)?;
    Ok(imported)
}
