//! `energy predict`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::analyse::open_all;
use super::console::style;
use crate::options::OutputFormat;
use crate::predict::{PredictOptions, predict};
use crate::query::Recording;

/// Options of `energy predict`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy predict --model smollm2 --input 256 --output 64
  energy predict --model smollm2 --input 256 --output 64 --batch 4 --json
  energy predict --model next --parameters 1.5B --input 256 --output 64

The energy is that of the whole batch, from runs of this machine: complete ones
of the same model, precision, engine and settings that differ in tokens and
batch. Predictions are refused with too few of them, and beyond twice the
measured range. The check leaves out one configuration at a time.")]
pub struct PredictArgs {
    /// What to predict.
    #[command(flatten)]
    pub options: PredictOptions,
    /// Further database (repeatable) [default: none]
    #[arg(long, value_name = "FILE")]
    also: Vec<PathBuf>,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(db: &Path, args: &PredictArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recordings = open_all(db, &args.also)?;
    let recordings: Vec<&Recording> = recordings.iter().collect();
    let predicted = predict(&recordings, &args.options)?;
    Ok(predicted
        .answer()
        .write(out, args.output.format(), &style())?)
}
