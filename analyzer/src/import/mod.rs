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
mod chrome;
mod idle;
mod power;
mod recording;
mod spans;
mod trace;
mod tree;
mod write;

pub use chrome::{ChromeOptions, import_chrome, parse_start};
pub use recording::{PowerOptions, import_power};

use std::path::{Path, PathBuf};

use clap::Args;
use tracing_energy::AttributeOptions;
use tracing_energy::attribution::batches::Activity;
use tracing_energy::power::Kernel;

use crate::error::Result;
use crate::options::{KERNEL_HELP, parse_kernel};
use crate::query::{Recording, coverage_note, run_coverage};

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

/// Result of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Id of the new run.
    pub uuid: String,
    /// Number of spans.
    pub spans: usize,
    /// Number of samples.
    pub samples: usize,
    /// Notes for the user: when it was recorded, the offset between clocks, the attribution
    /// method.
    pub notes: Vec<String>,
    /// Anomalies of the files; also stored as events of the run.
    pub warnings: Vec<String>,
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
    power.merge_batches(|| Some(Activity::of(spans())));
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
    let run = write::Run::new(description, trace, tree, power);
    let mut imported = run.imported();
    run.write(db)?;
    tracing_energy::reattribute(db, &imported.uuid, &AttributeOptions::default())?;
    warn_of_gaps(db, &mut imported)?;
    Ok(imported)
}

/// Warns of time without samples if it is long enough that every view reports it.
fn warn_of_gaps(db: &Path, imported: &mut Imported) -> Result<()> {
    let recording = Recording::open(db)?;
    let run = recording.run(&imported.uuid)?;
    let coverage = run_coverage(&recording, &run)?;
    imported.warnings.extend(coverage_note(coverage));
    Ok(())
}

/// Returns the error for an invalid input file.
fn invalid_input(path: &Path, message: String) -> crate::Error {
    let path = path.to_owned();
    crate::Error::Input { path, message }
}

/// An anomaly of an input file that was counted and corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Anomaly {
    kind: &'static str,
    count: u64,
    message: String,
}

/// Adds an anomaly if its count is above zero.
fn push_anomaly(anomalies: &mut Vec<Anomaly>, (kind, count): (&'static str, usize), what: &str) {
    if count > 0 {
        anomalies.push(Anomaly {
            kind,
            count: count as u64,
            message: format!("{count} {what}"),
        });
    }
}
