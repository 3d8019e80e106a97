//! `energy runs`.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::console::style;
use super::database::open_recording;
use super::exit::UsageError;
use crate::format::Format;
use crate::options::OutputFormat;
use crate::runs::{Listing, RunsOptions};

/// Number of runs on a page of a table.
const PAGE: usize = 50;

/// Options of `energy runs`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy runs
  energy runs --model smollm2 --since 7d --sort j-per-token --reverse
  energy runs --tag gpu=on --status complete --j-per-token ..0.5
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
    Ok(listing.answer().write(out, format, &style())?)
}
