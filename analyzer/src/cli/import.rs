//! `energy import`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use tracing_energy::power::Kernel;

use crate::attribute::parse_kernel;
use crate::format::counted;
use crate::import::{ImportOptions, PowerOptions, import, import_chrome, import_power};

mod chrome;

use chrome::ChromeArgs;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy import csv --spans spans.csv --samples samples.csv --name web
  energy import chrome trace-1790000000123456.json --power run.plist
  energy import power powermetrics.plist --name cinebench")]
pub struct ImportArgs {
    #[command(subcommand)]
    source: ImportSource,
}

#[derive(Debug, Subcommand)]
enum ImportSource {
    /// Import spans and power samples from CSV tables
    Csv(CsvArgs),
    /// Import a trace of tracing-chrome and a power recording of the same time
    Chrome(ChromeArgs),
    /// Import a power recording of powermetrics or another tool, without spans
    Power(PowerArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy import power run.plist --name night
  energy import power cinebench.txt

On macOS, `sudo powermetrics -f plist -i 100 -s cpu_power,gpu_power --output-file run.plist`
writes such a file.

The file is the plist stream or text output of powermetrics, or a table with one of the headers
  t_start_ns,t_end_ns,rail,energy_mj
  interval_start_s,interval_end_s,rail,power_w
  timestamp_s,rail,power_w            a value is valid until the next one, but at most for
                                      the median time between values")]
struct PowerArgs {
    /// Power recording to import
    #[arg(value_name = "FILE")]
    recording: PathBuf,
    /// Name of the run (default: the file name)
    #[arg(long)]
    name: Option<String>,
}

const HELP: &str = "Examples:
  energy import csv --spans spans.csv --samples samples.csv --name web
  energy import csv --spans s.csv --samples p.csv --kernel gpu=trailing:100ms

The tables' headers are
  span_id,parent_id,thread,kind,start_ns,end_ns,rail   rail: cpu, gpu or ane
  t_start_ns,t_end_ns,rail,energy_mj                   or any that replay reads
A parent_id of 0 means none. Idle power is measured from at least half a second of
samples before the first span or after the last one.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
struct CsvArgs {
    /// CSV table of spans
    #[arg(long, value_name = "FILE")]
    spans: PathBuf,
    /// CSV table of samples of one source
    #[arg(long, value_name = "FILE")]
    samples: PathBuf,
    /// Name of the run
    #[arg(long)]
    name: Option<String>,
    /// Averaging window of a rail's sensor: box, trailing:100ms, lowpass:60ms
    #[arg(long, value_parser = parse_kernel, value_name = "RAIL=KERNEL")]
    kernel: Vec<(String, Kernel)>,
}

pub(super) fn run(db: &Path, args: ImportArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let imported = match args.source {
        ImportSource::Csv(args) => import(
            db,
            &ImportOptions {
                spans: args.spans,
                samples: args.samples,
                name: args.name,
                kernels: args.kernel,
            },
        )?,
        ImportSource::Chrome(args) => import_chrome(db, &args.options())?,
        ImportSource::Power(args) => import_power(
            db,
            &PowerOptions {
                recording: args.recording,
                name: args.name,
            },
        )?,
    };
    for warning in &imported.warnings {
        super::warn(warning);
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
