//! `energy quality`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::console::style;
use super::progress::Progress;
use crate::options::OutputFormat;
use crate::quality::{ModelQuality, QualityOptions, QualityStep, evaluate, store_quality};

/// Options of `energy quality`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy quality
  energy quality --requantize none,q8_0,f32
  energy quality --model model.gguf --requantize q8_0 --format json

The reference is the same model with weights in f32. The text has about 800
tokens, so this is a proxy: it shows whether a conversion damages a model. The
quality is stored with the runs of the database that used the same weights, and
`energy analyse quantization` shows it next to the energy.")]
pub struct QualityArgs {
    /// What to evaluate.
    #[command(flatten)]
    pub options: QualityOptions,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(db: &Path, args: &QualityArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let progress = Progress::new("evaluating the model");
    let (mut done, count) = (0, args.options.requantize.len() + 1);
    let mut all = evaluate(&args.options, &mut |step| match step {
        QualityStep::Preparing(what) => progress.set(0, count, &what),
        QualityStep::Scoring(weights) => {
            progress.set(done, count, &format!("weights in {weights}"));
            done += 1;
        }
    })?;
    drop(progress);
    store_quality(db, &mut all)?;
    let answer = ModelQuality { all }.answer();
    Ok(answer.write(out, args.output.format(), &style())?)
}
