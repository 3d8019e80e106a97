//! `energy import chrome`.

use std::path::PathBuf;

use clap::Args;
use tracing_energy::power::Kernel;
use tracing_energy::units::Nanos;

use crate::attribute::{parse_kernel, parse_offset};
use crate::import::{ChromeOptions, parse_start};

const HELP: &str = "Examples:
  energy import chrome trace-1790000000123456.json --power run.plist
  energy import chrome trace.json --power power.csv --start 2026-11-01T12:30:15Z
  energy import chrome trace.json --power run.plist --offset 730 --key-fields layer,shard

TRACE is written by the crate tracing-chrome in the observed program. RECORDING is any
file that `energy import power` reads. Their clocks are aligned by matching power with
the activity of spans. If the match is ambiguous, the import fails and --offset is
required. docs/importing.md explains all steps.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct ChromeArgs {
    /// Trace to import
    #[arg(value_name = "TRACE")]
    trace: PathBuf,
    /// Power recording of the same time: plist or text of powermetrics, or CSV
    #[arg(long, value_name = "RECORDING")]
    power: PathBuf,
    /// Name of the run (default: that of the trace)
    #[arg(long)]
    name: Option<String>,
    /// Span arguments whose values distinguish call paths
    #[arg(long, value_delimiter = ',', value_name = "NAMES", default_values_t = ChromeOptions::default().key_fields)]
    key_fields: Vec<String>,
    /// Start of the trace: a date and time, or unix seconds (default: from its file name)
    #[arg(long, value_parser = parse_start, value_name = "TIME")]
    start: Option<i64>,
    /// Time by which the recording's clock is ahead of the trace's, in ms (default:
    /// estimated)
    #[arg(long, value_parser = parse_ms, value_name = "MS", allow_hyphen_values = true)]
    offset: Option<Nanos>,
    /// Averaging window of a rail's sensor: box, trailing:100ms, lowpass:60ms
    #[arg(long, value_parser = parse_kernel, value_name = "RAIL=KERNEL")]
    kernel: Vec<(String, Kernel)>,
}

impl ChromeArgs {
    /// Converts to the library's options.
    pub(super) fn options(self) -> ChromeOptions {
        ChromeOptions {
            trace: self.trace,
            power: self.power,
            name: self.name,
            key_fields: self.key_fields,
            start_unix_ns: self.start,
            offset: self.offset,
            kernels: self.kernel,
        }
    }
}

/// Parses a number of milliseconds, or a time with a unit.
fn parse_ms(text: &str) -> Result<Nanos, String> {
    let is_plain = text.trim().parse::<f64>().is_ok();
    match is_plain {
        true => parse_offset(&format!("{}ms", text.trim())),
        false => parse_offset(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        args: ChromeArgs,
    }

    #[test]
    fn default_options_equal_those_of_the_library() {
        let alone = Alone::try_parse_from(["chrome", "t.json", "--power", "p.csv"]).unwrap();
        let expected = ChromeOptions {
            trace: "t.json".into(),
            power: "p.csv".into(),
            ..ChromeOptions::default()
        };
        assert_eq!(alone.args.options(), expected);
    }

    #[test]
    fn offsets_without_a_unit_are_milliseconds() {
        assert_eq!(parse_ms("730"), Ok(Nanos::from_millis(730)));
        assert_eq!(parse_ms("-412.5"), Ok(Nanos::from_nanos(-412_500_000)));
        assert_eq!(parse_ms("3.1s"), Ok(Nanos::from_millis(3_100)));
        for wrong in ["", "x", "nan", "inf", "1e99", "3 hours"] {
            assert!(parse_ms(wrong).is_err(), "{wrong}");
        }
    }
}
