//! Arguments of `energy run`.

use std::path::PathBuf;

use clap::Args;

use super::super::sweep::refused_with_resume;
use crate::experiment::{FactorArgs, SweepOptions};
use crate::run::RunOptions;

/// Options of `energy run`.
#[derive(Debug, Clone, Args)]
#[command(mut_args(refused_with_resume))]
#[command(after_help = "Examples:
  energy run \"Why is the sky blue?\"
  energy run --model hf:Qwen/Qwen2.5-0.5B-Instruct \"Why is the sky blue?\"
  energy run --model ./model.gguf --raw \"Once upon a time\" --max-tokens 64
  energy run --system \"Be brief.\" --chat enable_thinking=false --stop END \"Why is it blue?\"
  energy run --each-line --prompt-file prompts.txt --stats
  energy run --source modelled --depth deep --chrome trace.json
  energy run --source replay:powermetrics.plist --baseline 0s
  energy run --repeat 5 --requantize none,q8_0 --warmup 1 --cooldown 5s
  energy run --resume run-20261125-093212-417")]
pub struct RunArgs {
    /// Options that can have several values.
    #[command(flatten)]
    pub factors: FactorArgs<true>,
    /// Options of each run.
    #[command(flatten)]
    pub options: RunOptions,
    /// File with the prompt (`-`: standard input); its last line break is removed
    #[arg(long, value_name = "FILE", conflicts_with = "prompt")]
    pub(super) prompt_file: Option<PathBuf>,
    /// Flamegraph to draw afterwards [default: none]
    #[arg(long, value_name = "FILE")]
    pub(super) flamegraph: Option<PathBuf>,
    /// Number and order of runs.
    #[command(flatten, next_help_heading = "Repeats")]
    pub repeats: SweepOptions,
    /// Name of the group of all repeats [default: run- and the time]
    #[arg(long, value_name = "NAME", help_heading = "Repeats")]
    pub group: Option<String>,
    /// Resume the interrupted repeats of a group
    #[arg(long, value_name = "GROUP", help_heading = "Repeats")]
    pub(super) resume: Option<String>,
    /// Resume even if the model file has changed
    #[arg(long, requires = "resume", help_heading = "Repeats")]
    pub(super) force: bool,
    /// Trial of an experiment to execute: ID:NO
    #[arg(long, value_name = "TRIAL", hide = true)]
    pub(super) trial: Option<String>,
}
