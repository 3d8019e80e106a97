//! Options of repeats.

use std::time::Duration;

use clap::Args;

use crate::options::{duration_text, parse_duration};

/// Number, order and group of repeated runs.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RepeatOptions {
    /// Number of runs of each configuration, each in its own process, in shuffled rounds
    #[arg(long, value_name = "N", default_value_t = Self::default().repeat)]
    pub repeat: usize,
    /// Pause between two runs, e.g. 5s
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().cooldown))]
    pub cooldown: Duration,
    /// Name of the group of all repeats [default: run- and the time]
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Seed of the shuffled order of configurations
    #[arg(long, value_name = "N", default_value_t = Self::default().order_seed)]
    pub order_seed: u64,
}

impl Default for RepeatOptions {
    fn default() -> Self {
        Self {
            repeat: 1,
            cooldown: Duration::ZERO,
            group: None,
            order_seed: 0,
        }
    }
}
