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

use tracing_energy::AttributeOptions;
use tracing_energy::power::Kernel;
use tracing_energy::power::batches::Activity;

use crate::error::Result;
use imported::warn_of_gaps;

/// Input files and their interpretation.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportOptions {
    /// The table of spans.
    pub spans: PathBuf,
    /// The table of samples: from one sampler, whose clock may differ from the spans'.
    pub samples: PathBuf,
    /// Name of the run.
    pub name: Option<String>,
    /// Averaging windows of sensors, by rail; other rails report means of samples.
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
