//! `energy runs`.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use clap::Args;
use tracing_energy::host;

use super::Usage;
use crate::format::Format;
use crate::runs::{
    Filter, Listing, Range, RunsOptions, Sort, When, parse_range, parse_wanted_tag, parse_when,
};

/// Runs on a page for people.
const PAGE: usize = 50;

const HELP: &str = "Examples:
  energy runs
  energy runs --model smollm2 --since 7d --sort j-per-token --reverse
  energy runs --tag gpu=on --status complete --j-per-token ..0.5
  energy runs --prompt sky --format csv > runs.csv

Tables and Markdown hold 50 runs a page unless --limit says otherwise, JSON and CSV
all. Dates are UTC; a day given to --until is included. Energies are those of
`energy summary`: of the measured work, idle power included.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct RunsArgs {
    /// A part of the model's name
    #[arg(long, value_name = "TEXT")]
    model: Option<String>,
    /// A part of the engine's name
    #[arg(long, value_name = "TEXT")]
    engine: Option<String>,
    /// A tag that they have, with this value if given; several must all be there
    #[arg(long, value_parser = parse_wanted_tag, value_name = "KEY[=VALUE]")]
    tag: Vec<(String, Option<String>)>,
    /// The experiment that they belong to
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
    /// The group of repeats that they belong to
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// How they ended
    #[arg(long, value_parser = ["running", "complete", "cancelled", "crashed"])]
    status: Option<String>,
    /// Begun then or later: 2026-11-01, 2026-11-01T12:30, or so long ago: 7d, 12h
    #[arg(long, value_parser = when, value_name = "DATE|AGE")]
    since: Option<When>,
    /// Begun then or earlier
    #[arg(long, value_parser = when, value_name = "DATE|AGE")]
    until: Option<When>,
    /// A part of the prompt
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Joules per token, both ends included: 0.5..2, 0.5.., ..2
    #[arg(long, value_parser = parse_range, value_name = "LO..HI", allow_hyphen_values = true)]
    j_per_token: Option<Range>,
    /// The order: the largest first, the unknown last
    #[arg(long, value_enum, default_value_t)]
    sort: Sort,
    /// The smallest first
    #[arg(long)]
    reverse: bool,
    /// Runs on a page
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroUsize>,
    /// Which page
    #[arg(long, value_name = "N", default_value = "1")]
    page: NonZeroUsize,
    /// How to write the list
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn when(text: &str) -> Result<When, String> {
    parse_when(text, host::unix_ns())
}

impl RunsArgs {
    fn options(&self) -> RunsOptions {
        let page = match self.format {
            Format::Table | Format::Markdown => Some(PAGE),
            Format::Json | Format::Csv => None,
        };
        RunsOptions {
            filter: Filter {
                model: self.model.clone(),
                engine: self.engine.clone(),
                tags: self.tag.clone(),
                experiment: self.experiment.clone(),
                group: self.group.clone(),
                status: self.status.clone(),
                since_ns: self.since.map(|when| when.first_ns),
                until_ns: self.until.map(|when| when.last_ns),
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
        return Err(Usage(format!("there is no page {page}: the last one is {pages}")).into());
    }
    Ok(listing.answer().write(out, args.format, &super::look())?)
}
