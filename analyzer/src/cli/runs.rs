//! `energy runs`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::console::style;
use super::database::open_recording;
use super::exit::UsageError;
use crate::analyse::{AnalyseOptions, Analysed, analysis};
use crate::format::Format;
use crate::options::OutputFormat;
use crate::query::Recording;
use crate::runs::{Listing, RunsOptions};

/// Number of runs on a page of a table.
const PAGE: usize = 50;
/// Number of configurations that are shown with their trend.
const TRENDS: usize = 3;

/// Options of `energy runs`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy runs
  energy runs --model smollm2 --since 7d --sort j-per-token --reverse
  energy runs --tag gpu=on --status complete --j-per-token ..0.5
  energy runs --experiment lengths
  energy runs --prompt sky --format csv > runs.csv

Dates are UTC; a day given to --until is included. Energies are those of
`energy summary`: energy of the measured work, idle power included.")]
pub struct RunsArgs {
    /// Filter, order and pages.
    #[command(flatten)]
    pub options: RunsOptions,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(db: &Path, args: &RunsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (recording, format) = (open_recording(db)?, args.output.format());
    let page = matches!(format, Format::Table | Format::Markdown).then_some(PAGE);
    let options = RunsOptions {
        limit: args.options.limit.or(page),
        ..args.options.clone()
    };
    let listing = Listing::read(&recording, &options)?;
    if listing.page > listing.pages {
        let (page, pages) = (listing.page, listing.pages);
        return Err(UsageError(format!(
            "page {page} does not exist: the last page is {pages}"
        ))
        .into());
    }
    let mut answer = listing.answer();
    if let Some(trend) = trend(&recording, &args.options)? {
        answer = answer.note(trend);
    }
    Ok(answer.write(out, format, &style())?)
}

/// Returns the trend of the energy per token of each configuration of an experiment, in words.
fn trend(recording: &Recording, options: &RunsOptions) -> crate::Result<Option<String>> {
    if options.filter.experiment.is_none() {
        return Ok(None);
    }
    let options = AnalyseOptions {
        filter: options.filter.clone(),
        per: None,
    };
    let analysed = Analysed::read(&[recording], analysis("trend")?, &options)?;
    Ok(Some(match analysed.is_answered() {
        true => {
            let sentences = analysed.sentences();
            format!(
                "Trend: {}",
                sentences
                    .iter()
                    .take(TRENDS)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(" ")
            )
        }
        false => {
            "Trend: unknown, no configuration ran in five sessions 30 minutes apart.".to_owned()
        }
    }))
}
