//! Options of every command that records.

use std::time::Duration;

use clap::{ArgAction, Args};
use energy_power::SourceChoice;
use energy_power::detect::NAMED;
use serde::{Deserialize, Serialize};

use super::{as_text, duration_text, parse_duration, parse_tag};
use crate::efficiency::Rates;

/// Power source and its sampling.
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
pub struct SourceOptions {
    /// Power source, or several joined by `+`.
    #[arg(long, value_name = "SOURCE", help = source_help(),
          default_value_t = Self::default().source)]
    #[serde(with = "as_text")]
    pub source: SourceChoice,
    /// Time between power samples, e.g. 100ms, 1s
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().interval))]
    pub interval: Duration,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            source: SourceChoice::Auto,
            interval: Duration::from_millis(100),
        }
    }
}

/// Returns the help of `--source` with the names of all sources.
fn source_help() -> String {
    let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
    format!(
        "Power source: auto, {}, replay:FILE, or several joined by `+`",
        names.join(", ")
    )
}

/// Power, idle baseline and labels of a recorded run.
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
pub struct RecordingOptions {
    /// Power source and its sampling.
    #[command(flatten)]
    pub power: SourceOptions,
    /// Duration of the idle baseline at the start (0s disables it)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().baseline))]
    pub baseline: Duration,
    /// Name of the run [default: none; of `energy record`, the program's name]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Tag of the run (repeatable) [default: none]
    #[arg(long = "tag", value_name = "KEY[=VALUE]", value_parser = parse_tag)]
    pub tags: Vec<(String, String)>,
    /// Experiment that the run belongs to [default: none]
    #[arg(long, value_name = "NAME")]
    pub experiment: Option<String>,
    /// Price and emission factor, which are stored with the run.
    #[command(flatten)]
    #[serde(default)]
    pub rates: Rates,
    /// Do not store texts: prompts, responses, tokens, command lines
    #[arg(long = "no-text", action = ArgAction::SetFalse)]
    pub keep_text: bool,
}

impl Default for RecordingOptions {
    fn default() -> Self {
        Self {
            power: SourceOptions::default(),
            baseline: Duration::from_secs(2),
            name: None,
            tags: Vec::new(),
            experiment: None,
            rates: Rates::default(),
            keep_text: true,
        }
    }
}

impl RecordingOptions {
    /// Returns the tags of the run: the given ones, and those that store the rates.
    pub fn tags_with_rates(&self) -> Vec<(String, String)> {
        let mut tags = self.rates.tags();
        tags.retain(|(key, _)| self.tags.iter().all(|(given, _)| given != key));
        [self.tags.clone(), tags].concat()
    }
}
