//! The plan of a pack: everything that its objects of totals are written from.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::cumulative::Cumulative;

/// A run, as its packs describe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedRun {
    /// Id.
    pub uuid: String,
    /// Identifies the machine.
    pub host_id: Option<String>,
    /// Name of the machine.
    pub host: Option<String>,
    /// Tag `service`.
    pub service: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Status.
    pub status: String,
    /// Model.
    pub model: Option<String>,
    /// Number format of the weights.
    pub precision: Option<String>,
    /// Sequences processed together.
    pub batch: Option<i64>,
    /// Program that computes.
    pub engine: Option<String>,
    /// Processor.
    pub chip: Option<String>,
    /// Operating system.
    pub os: Option<String>,
    /// Version of the recorder.
    pub version: String,
    /// Version of the recorded program.
    pub program_version: Option<String>,
    /// Wall clock of its start, ns since 1970.
    pub start_unix_ns: i64,
    /// Prompt tokens of the whole run.
    pub input_tokens: Option<i64>,
    /// Generated tokens of the whole run.
    pub output_tokens: Option<i64>,
    /// Tags, a JSON object.
    pub tags: Option<String>,
    /// `measured`, `modelled`, `replayed` or `mixed`.
    pub provenance: Option<String>,
}

/// Tables of a pack in addition to its totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Args)]
pub struct PackContents {
    /// Also send the energy of each call path
    #[arg(long)]
    pub nodes: bool,
    /// Also send span entries with stored energies: requests, tokens
    #[arg(long)]
    pub requests: bool,
    /// Also send span entries: all, or one of N
    #[arg(long, value_name = "1/N", num_args = 0..=1, require_equals = true,
          default_missing_value = "1/1", value_parser = parse_spans)]
    pub spans: Option<u32>,
}

/// Parses `1/N`.
///
/// # Errors
/// Describes the accepted format.
pub fn parse_spans(text: &str) -> Result<u32, String> {
    let rate = text.strip_prefix("1/").and_then(|n| n.parse::<u32>().ok());
    rate.filter(|n| *n > 0)
        .ok_or_else(|| format!("`{text}` is no sample of spans; write 1/10 for every tenth one"))
}

/// A bucket of one attribution of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackPlan {
    /// The run.
    pub run: PackedRun,
    /// Id of the attribution.
    pub attribution: i64,
    /// Its method.
    pub method: Option<String>,
    /// Number within the attribution, from 0.
    pub bucket: i64,
    /// Start, run time.
    pub start_ns: i64,
    /// End, run time.
    pub end_ns: i64,
    /// Whether the run ends with it.
    pub is_final: bool,
    /// Additional tables.
    pub contents: PackContents,
    /// Version of the program that writes it.
    pub writer: String,
    /// Totals at its start: those at the end of the bucket before, with which they are stored.
    #[serde(skip)]
    pub before: Cumulative,
    /// Totals at its end.
    pub after: Cumulative,
    /// Start of the time of its span entries, run time; `None`: of everything.
    pub activations_from_ns: Option<i64>,
    /// End of the time of its span entries, run time; `None`: of everything.
    pub activations_until_ns: Option<i64>,
}

impl PackPlan {
    /// Returns the wall clock of its start, ns since 1970.
    pub fn start_unix_ns(&self) -> i64 {
        self.run.start_unix_ns.saturating_add(self.start_ns)
    }

    /// Returns the wall clock of its end, ns since 1970.
    pub fn end_unix_ns(&self) -> i64 {
        self.run.start_unix_ns.saturating_add(self.end_ns)
    }

    /// Returns whether it is the whole run.
    pub fn is_whole(&self) -> bool {
        self.bucket == 0 && self.is_final
    }
}
