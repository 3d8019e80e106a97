//! Options of experiments: rounds, pauses and limits.

use std::time::Duration;

use clap::Args;

use crate::options::{duration_text, parse_duration};

/// Number, order and pauses of trials.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SweepOptions {
    /// Number of runs of each configuration, each in its own process, in shuffled rounds
    #[arg(long, value_name = "N", default_value_t = Self::default().repeat)]
    pub repeat: usize,
    /// Longest pause between two runs, e.g. 60s: it ends when power is within 2 % of its value
    /// before the first run; without a sensor it is always this long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().cooldown))]
    pub cooldown: Duration,
    /// Longest time of a run, e.g. 10m; it is then ended and counts as failed [default: none]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// Repeat runs during which the machine was throttled or its conditions changed, once each
    #[arg(long)]
    pub repeat_throttled: bool,
    /// Seed of the shuffled order of configurations
    #[arg(long, value_name = "N", default_value_t = Self::default().order_seed)]
    pub order_seed: u64,
}

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
