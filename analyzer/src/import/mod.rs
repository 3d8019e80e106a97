//! Makes a run of what another program recorded: spans and power samples as tables, or
//! power alone.
//!
//! ```text
//! spans.csv    span_id,parent_id,thread,kind,start_ns,end_ns,rail
//! samples.csv  t_start_ns,t_end_ns,rail,energy_mj       or what replay reads
//! ```
//!
//! The files are read and checked as a whole before the first row is written. All
//! of the spans' clock counts from the run's start, so that every sample lies in
//! the run. There are no CPU times: attribution goes by active time.

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

use tracing_energy::AttributeOptions;
use tracing_energy::power::Kernel;
use tracing_energy::power::batches::Activity;

use crate::error::Result;
use crate::query::{Recording, coverage_note, run_coverage};

/// What to import, and how it is understood.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportOptions {
    /// The table of spans.
    pub spans: PathBuf,
    /// The table of samples: one sampler, whose clock may differ from the spans'.
    pub samples: PathBuf,
    /// Name of the run.
    pub name: Option<String>,
    /// Averaging windows of sensors, by rail; the others tell means of samples.
    pub kernels: Vec<(String, Kernel)>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Id of the new run.
    pub uuid: String,
    /// Spans in it.
    pub spans: usize,
    /// Samples in it.
    pub samples: usize,
    /// What was found out about it, in words: when it was recorded, how far clocks were
    /// apart, how it was attributed.
    pub told: Vec<String>,
    /// What was odd about the files, for people; also events of the run.
    pub warnings: Vec<String>,
}

/// Imports a run into the recording at `db`, which is made if it is not there, and
/// attributes it by the method `proportional`.
///
/// # Errors
/// When a file cannot be understood, with the line; then nothing was written. When
/// the recording cannot be written.
pub fn import(db: &Path, options: &ImportOptions) -> Result<Imported> {
    let mut trace = spans::read(&options.spans)?;
    let tree = tree::grow(&mut trace, &options.spans)?;
    let mut power = power::read(&options.samples, &options.kernels)?;
    let spans = || trace.spans.iter().map(|span| (span.start_ns, span.end_ns));
    power.merge_batches(|| Some(Activity::of(spans())));
    power.oddities.extend(align::changed(&trace, &power, 0.0));
    let head = write::Head {
        name: options.name.clone(),
        config: serde_json::json!({
            "spans": options.spans.display().to_string(),
            "samples": options.samples.display().to_string(),
        }),
        zero_unix_ns: None,
    };
    let run = write::Run::new(head, trace, tree, power);
    let mut imported = run.imported();
    run.write(db)?;
    tracing_energy::reattribute(db, &imported.uuid, &AttributeOptions::default())?;
    warn_of_gaps(db, &mut imported)?;
    Ok(imported)
}

/// Warns of time without samples, if there is so much that every view reports it.
fn warn_of_gaps(db: &Path, imported: &mut Imported) -> Result<()> {
    let recording = Recording::open(db)?;
    let run = recording.run(&imported.uuid)?;
    let coverage = run_coverage(&recording, &run)?;
    imported.warnings.extend(coverage_note(coverage));
    Ok(())
}

/// A fault of an input file.
fn bad(path: &Path, message: String) -> crate::Error {
    let path = path.to_owned();
    tracing_energy::Error::Input { path, message }.into()
}

/// Something odd that was counted and mended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Oddity {
    kind: &'static str,
    count: u64,
    message: String,
}

/// Counts what was mended, if there was any.
fn odd(oddities: &mut Vec<Oddity>, (kind, count): (&'static str, usize), what: &str) {
    if count > 0 {
        oddities.push(Oddity {
            kind,
            count: count as u64,
            message: format!("{count} {what}"),
        });
    }
}
