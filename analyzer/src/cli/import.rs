//! `energy import`.

use std::io::Write;
use std::path::Path;

use clap::{Args, Subcommand};

use super::console::warn;
use crate::format::counted;
use crate::import::{
    ChromeOptions, ImportOptions, PowerOptions, import, import_chrome, import_power,
};

/// Options of `energy import`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy import csv --spans spans.csv --samples samples.csv --name web
  energy import chrome trace-1790000000123456.json --power run.plist
  energy import power powermetrics.plist --name cinebench")]
pub struct ImportArgs {
    /// Form of the files.
    #[command(subcommand)]
    pub source: ImportSource,
}

/// Forms of the files.
#[derive(Debug, Subcommand)]
pub enum ImportSource {
    /// Import spans and power samples from CSV tables
    #[command(after_help = CSV)]
    Csv(ImportOptions),
    /// Import a trace of tracing-chrome and a power recording of the same time
    #[command(after_help = CHROME)]
    Chrome(ChromeOptions),
    /// Import a power recording of powermetrics or another tool, without spans
    #[command(after_help = POWER)]
    Power(PowerOptions),
}

const CSV: &str = "Examples:
  energy import csv --spans spans.csv --samples samples.csv --name web
  energy import csv --spans s.csv --samples p.csv --kernel gpu=trailing:100ms

The headers of the tables are
  span_id,parent_id,thread,kind,start_ns,end_ns,rail   rail: cpu, gpu or ane
  t_start_ns,t_end_ns,rail,energy_mj                   or any that replay reads
A parent_id of 0 means none. Idle power is measured from at least half a
second of samples before the first span or after the last one.";

const CHROME: &str = "Examples:
  energy import chrome trace-1790000000123456.json --power run.plist
  energy import chrome trace.json --power p.csv --start 2026-11-01T12:30:15Z
  energy import chrome trace.json --power p.csv --offset 730 --key-fields layer

TRACE is written by the crate tracing-chrome in the observed program. The
power recording is any file that `energy import power` reads. Their clocks are
aligned by matching power with the activity of spans. If the match is
ambiguous, the import fails and --offset is required. docs/importing.md
explains all steps.";

const POWER: &str = "Examples:
  energy import power run.plist --name night
  energy import power cinebench.txt

On macOS, this command writes such a file:
  sudo powermetrics -f plist -i 100 -s cpu_power,gpu_power \\
      --output-file run.plist

The file is the plist stream or text output of powermetrics, or a table with
one of these headers:
  t_start_ns,t_end_ns,rail,energy_mj
  interval_start_s,interval_end_s,rail,power_w
  timestamp_s,rail,power_w
A value of the last one is valid until the next value, but at most for the
median time between values.";

pub(super) fn run(db: &Path, args: &ImportArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let imported = match &args.source {
        ImportSource::Csv(options) => import(db, options)?,
        ImportSource::Chrome(options) => import_chrome(db, options)?,
        ImportSource::Power(options) => import_power(db, options)?,
    };
    for warning in &imported.warnings {
        warn(warning);
    }
    let notes: String = imported
        .notes
        .iter()
        .map(|note| format!("\n  {note}"))
        .collect();
    let spans = counted(imported.spans, "span");
    let samples = counted(imported.samples, "sample");
    let _ = writeln!(std::io::stderr(), "imported {spans} and {samples}{notes}");
    Ok(writeln!(out, "{}", imported.uuid)?)
}
