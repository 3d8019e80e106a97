//! Options of experiments: rounds, pauses and limits.

use std::time::Duration;

use clap::Args;

use crate::options::{duration_text, parse_duration};

/// Number, order and pauses of trials.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SweepOptions {
    /// Number of runs of each configuration, each in its own process, in shuffled rounds
    #[arg(long, value_name = "N", value_parser = parse_repeat, default_value_t = Self::default().repeat)]
    pub repeat: usize,
    /// Longest pause between two runs, e.g. 60s: it ends when power is within 2 % of its value
    /// before the first run; without a sensor it is always this long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().cooldown))]
    pub cooldown: Duration,
    /// Longest time of a run, e.g. 10m; it is then ended and counts as failed [default: none]
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout)]
    pub timeout: Option<Duration>,
    /// Repeat runs during which the machine was throttled or its conditions changed, once each
    #[arg(long)]
    pub repeat_throttled: bool,
    /// Seed of the shuffled order of configurations
    #[arg(long, value_name = "N", default_value_t = Self::default().order_seed)]
    pub order_seed: u64,
}

/// Parses the number of runs of each configuration.
fn parse_repeat(text: &str) -> Result<usize, String> {
    let count = text
        .parse()
        .ok()
        .filter(|count| (1..=MOST_REPEATS).contains(count));
    count.ok_or_else(|| format!("use a number from 1 to {MOST_REPEATS}"))
}

/// Parses the longest time of a run.
fn parse_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("use a time above 0, or omit the option".to_owned()),
        time => Ok(time),
    }
}

/// Most runs of a configuration.
const MOST_REPEATS: usize = 100_000;

impl Default for SweepOptions {
    fn default() -> Self {
        Self {
            repeat: 1,
            cooldown: Duration::ZERO,
            timeout: None,
            repeat_throttled: false,
            order_seed: 0,
        }
    }
}
