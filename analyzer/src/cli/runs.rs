//! `energy runs`.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use clap::Args;
use tracing_energy::host;

use super::Usage;
use crate::format::Format;
use crate::runs::{
    Listing, NumberRange, RunFilter, RunsOptions, Sort, TimeRange, parse_range, parse_tag_filter,
    parse_time_range,
};

/// Number of runs on a page of a table.
const PAGE: usize = 50;

const HELP: &str = "Examples:
  energy runs
  energy runs --model smollm2 --since 7d --sort j-per-token --reverse
  energy runs --tag gpu=on --status complete --j-per-token ..0.5
  energy runs --prompt sky --format csv > runs.csv

Tables and Markdown have 50 runs per page (see --limit), JSON and CSV all runs. Dates
are UTC; a day given to --until is included. Energies are those of `energy summary`:
energy of the measured work, idle power included.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct RunsArgs {
    /// Only runs whose model's name contains this text
    #[arg(long, value_name = "TEXT")]
    model: Option<String>,
    /// Only runs whose engine's name contains this text
    #[arg(long, value_name = "TEXT")]
    engine: Option<String>,
    /// Only runs with this tag (repeatable; all must match)
    #[arg(long, value_parser = parse_tag_filter, value_name = "KEY[=VALUE]")]
    tag: Vec<(String, Option<String>)>,
    /// Only runs of this experiment
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
    /// Only runs of this group of repeats
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Only runs with this status
    #[arg(long, value_parser = ["running", "complete", "cancelled", "crashed"])]
    status: Option<String>,
    /// Only runs started at this time or later: 2026-11-01, 2026-11-01T12:30, or an age: 7d,
    /// 12h
    #[arg(long, value_parser = time_range, value_name = "DATE|AGE")]
    since: Option<TimeRange>,
    /// Only runs started at this time or earlier
    #[arg(long, value_parser = time_range, value_name = "DATE|AGE")]
    until: Option<TimeRange>,
    /// Only runs whose prompt contains this text
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Only runs in this range of joules per token, ends included: 0.5..2, 0.5.., ..2
    #[arg(long, value_parser = parse_range, value_name = "LO..HI", allow_hyphen_values = true)]
    j_per_token: Option<NumberRange>,
    /// Sort key: largest first, unknown last
    #[arg(long, value_enum, default_value_t)]
    sort: Sort,
    /// Sort smallest first
    #[arg(long)]
    reverse: bool,
    /// Number of runs per page
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroUsize>,
    /// Page to show
    #[arg(long, value_name = "N", default_value = "1")]
    page: NonZeroUsize,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn time_range(text: &str) -> Result<TimeRange, String> {
    parse_time_range(text, host::unix_ns())
}

impl RunsArgs {
    fn options(&self) -> RunsOptions {
        let page = match self.format {
            Format::Table | Format::Markdown => Some(PAGE),
            Format::Json | Format::Csv => None,
        };
        RunsOptions {
            filter: RunFilter {
                model: self.model.clone(),
                engine: self.engine.clone(),
                tags: self.tag.clone(),
                experiment: self.experiment.clone(),
                group: self.group.clone(),
                status: self.status.clone(),
                since_ns: self.since.map(|time| time.first_ns),
                until_ns: self.until.map(|time| time.last_ns),
                prompt: self.prompt.clone(),
                j_per_token: self.j_per_token,
            },
            sort: self.sort,
            reverse: self.reverse,
            limit: self.limit.map(NonZeroUsize::get).or(page),
            page: self.page.get(),
        }
    }
}

pub(super) fn run(db: &Path, args: &RunsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recording = super::open_recording(db)?;
    let listing = Listing::read(&recording, &args.options())?;
    if listing.page > listing.pages {
        let (page, pages) = (listing.page, listing.pages);
        return Err(Usage(format!(
            "page {page} does not exist: the last page is {pages}"
        ))
        .into());
    }
    Ok(listing.answer().write(out, args.format, &super::style())?)
}
