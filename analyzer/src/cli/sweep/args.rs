//! Arguments of `energy sweep`.

use std::path::PathBuf;

use clap::Args;

use super::stored_options::refused_with_resume;
use crate::engine::EngineOptions;
use crate::experiment::{FactorArgs, SweepOptions};
use crate::options::OutputFormat;
use crate::run::RunOptions;

/// Options of `energy sweep`.
#[derive(Debug, Clone, Args)]
#[command(mut_args(refused_with_resume))]
#[command(mut_arg("experiment", |argument| {
    argument
        .help("Name of the experiment [default: sweep-DATE-TIME]")
        .help_heading("Runs")
}))]
#[command(after_help = "Examples:
  energy sweep --batch 1,2,4,8 --prompt-tokens 64..4096x2 --repeat 5
  energy sweep --requantize q8_0,f32 --threads 1..4 --repeat 3 --cooldown 60s
  energy sweep --model a.gguf --model b.gguf --prompt-file p.txt --dry-run
  energy sweep --max-tokens 32..256+32 --experiment lengths --timeout 10m
  energy sweep --resume
  energy sweep --resume lengths --retry-failed

Every combination of values is a configuration. Each is run --repeat times, in
rounds of a shuffled order, each run in its own process. The plan is stored in
the database, so that an interrupted sweep can be resumed. Runs that fail are
listed and skipped.")]
pub struct SweepArgs {
    /// Options that can have several values.
    #[command(flatten)]
    pub factors: FactorArgs<false>,
    /// Number, order and pauses of runs.
    #[command(flatten, next_help_heading = "Runs")]
    pub sweep: SweepOptions,
    /// Resume an interrupted experiment [default: the newest with runs to do]
    #[arg(long, value_name = "NAME", num_args = 0..=1, help_heading = "Runs")]
    pub(super) resume: Option<Option<String>>,
    /// Execute failed runs again
    #[arg(long, requires = "resume", help_heading = "Runs")]
    pub(super) retry_failed: bool,
    /// Resume even if a model file has changed
    #[arg(long, requires = "resume", help_heading = "Runs")]
    pub(super) force: bool,
    /// Show the number of runs, and the time and energy of past ones, and run nothing
    #[arg(long, help_heading = "Runs")]
    pub(super) dry_run: bool,
    /// File with the prompt (`-`: standard input); its last line break is removed
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "prompt",
        help_heading = "Runs"
    )]
    pub(super) prompt_file: Option<PathBuf>,
    /// Options of engines other than candle.
    #[command(flatten, next_help_heading = "Engines")]
    pub engine_options: EngineOptions,
    /// Options of each run.
    #[command(flatten, next_help_heading = "Options of each run")]
    pub options: RunOptions,
    /// Output format.
    #[command(flatten, next_help_heading = "Output")]
    pub(super) output: OutputFormat,
}
