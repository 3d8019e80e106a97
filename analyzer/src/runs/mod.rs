//! List of runs: filter, order and pages.

pub use crate::format::{TimeRange, parse_age, parse_time_range};
pub use crate::query::{NumberRange, RunFilter, Sort, parse_range, parse_tag_filter};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde_json::json;

use crate::error::Result;
use crate::format::{Answer, Column, Sheet, counted, percent};
use crate::query::{self, Recording, RunListEntry, RunOrder};

/// Options of the list.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct RunsOptions {
    /// Filter.
    #[command(flatten)]
    pub filter: RunFilter,
    /// Sort key: largest first, unknown last [default: date; with --experiment, least energy per
    /// token first]
    #[arg(long, value_name = "KEY", value_enum)]
    pub sort: Option<Sort>,
    /// Sort smallest first; unknown values stay last
    #[arg(long)]
    pub reverse: bool,
    /// Number of runs per page [default: 50 in tables, all in JSON and CSV]
    #[arg(long, value_name = "N", value_parser = from_one())]
    pub limit: Option<usize>,
    /// Page to show
    #[arg(long, value_name = "N", value_parser = from_one(),
          default_value_t = Self::default().page)]
    pub page: usize,
}

impl Default for RunsOptions {
    fn default() -> Self {
        Self {
            filter: RunFilter::default(),
            sort: None,
            reverse: false,
            limit: None,
            page: 1,
        }
    }
}

impl RunsOptions {
    /// Returns the order: within an experiment, the least energy per token is first by default.
    fn order(&self) -> RunOrder {
        match (self.sort, &self.filter.experiment) {
            (None, Some(_)) => RunOrder {
                sort: Sort::JPerToken,
                reverse: !self.reverse,
            },
            (sort, _) => RunOrder {
                sort: sort.unwrap_or_default(),
                reverse: self.reverse,
            },
        }
    }
}

fn from_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

/// One page of a list of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The runs of this page.
    pub runs: Vec<RunListEntry>,
    /// Number of runs that match the filter, on all pages.
    pub matching: usize,
    /// Number of runs in the file.
    pub all: usize,
    /// Index of this page's first run among the matching ones.
    pub first: usize,
    /// Page, from 1.
    pub page: usize,
    /// Number of pages, at least one.
    pub pages: usize,
    /// Whether all runs belong to one experiment: energy per token is the first value then.
    pub is_experiment: bool,
}

impl Listing {
    /// Reads a page. Pages beyond the last one are empty.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(recording: &Recording, options: &RunsOptions) -> Result<Self> {
        let page = options.page.max(1);
        let limit = options.limit.map(|limit| limit.max(1));
        let offset = (page - 1).saturating_mul(limit.unwrap_or(0));
        let offset = match limit {
            Some(_) => offset,
            // Without a limit, there is one page.
            None if page > 1 => usize::MAX,
            None => 0,
        };
        let order = options.order();
        let found = query::run_page(recording, &options.filter, order, (offset, limit))?;
        let matching = found.matching;
        let limit = limit.unwrap_or(matching).max(1);
        Ok(Self {
            runs: found.runs,
            matching,
            all: found.all,
            first: offset.min(matching),
            page,
            pages: matching.div_ceil(limit).max(1),
            is_experiment: options.filter.experiment.is_some(),
        })
    }

    /// Converts the page to an answer.
    pub fn answer(self) -> Answer {
        let answer = Answer::new("runs", "")
            .with("total", json!(self.matching))
            .with("all", json!(self.all))
            .with("page", json!(self.page))
            .with("pages", json!(self.pages));
        let (position, columns) = (self.position(), columns(&self.runs, self.is_experiment));
        let answer = match common_caveat(&self.runs) {
            Some(caveat) => answer.caution(format!("All energies below are {caveat}.")),
            None => answer,
        };
        let few = self
            .runs
            .iter()
            .filter(|run| query::is_reported(run.coverage))
            .count();
        let answer = match few {
            0 => answer,
            few => answer.caution(format!(
                "Samples cover less than {} of {}: energies are partly extrapolated.",
                percent(Some(query::REPORTED_BELOW)),
                counted(few, "run")
            )),
        };
        let answer = answer.sheet(Sheet::new("runs", "", columns, self.runs));
        match position {
            Some(position) => answer.note(position),
            None => answer,
        }
    }

    /// Returns which runs this page shows, if it doesn't show all.
    fn position(&self) -> Option<String> {
        let (all, matching) = (self.all, self.matching);
        let of = match matching == all {
            true => counted(all, "run"),
            false => format!("{} found of {all}", counted(matching, "run")),
        };
        match (all, matching, self.pages) {
            (0, ..) => {
                Some("No runs yet: record one with `energy run` or `energy record`.".to_owned())
            }
            (_, 0, _) => Some(format!("None of {} matches.", counted(all, "run"))),
            (_, _, 1) if matching == all => None,
            (_, _, 1) => Some(format!("{of}.")),
            _ => {
                let (first, last) = (self.first + 1, self.first + self.runs.len());
                let next = match self.page < self.pages {
                    true => format!(", next: --page {}", self.page + 1),
                    false => String::new(),
                };
                let page = format!("page {} of {}", self.page, self.pages);
                Some(format!("{first} to {last} of {of}; {page}{next}."))
            }
        }
    }
}

/// Returns the columns. The status is hidden if all runs are complete, and the provenance if
/// it is the same for all (it is shown above the table).
fn columns(runs: &[RunListEntry], is_experiment: bool) -> Vec<Column> {
    let status = match runs.iter().all(|run| run.status == "complete") {
        true => Column::data("status"),
        false => Column::text("status", "status"),
    };
    let started = Column::date_time("start_unix_ns", "started");
    // At 80 columns, which energies are measured is more important than when.
    let (provenance, started) = match runs.windows(2).all(|w| w[0].provenance == w[1].provenance) {
        true => (Column::data("provenance"), started),
        false => (
            Column::text("provenance", "source"),
            started.from_width(100),
        ),
    };
    // Full coverage is not shown.
    let coverage = match runs.iter().any(|run| query::is_reported(run.coverage)) {
        true => Column::percent("coverage", "coverage"),
        false => Column::data("coverage"),
    };
    let mut columns = vec![
        Column::id("id", "id"),
        Column::text("name", "name"),
        status,
        started,
        Column::time("work_ns", "time"),
        Column::energy("energy_j", "energy"),
        coverage,
        Column::interval("lo_j", "hi_j", "90 %").from_width(140),
        Column::data("reason"),
        Column::energy("j_per_token", "/token"),
        provenance,
        Column::number("tokens_per_s", "token/s").from_width(100),
        Column::text("model", "model").from_width(120),
        Column::text("engine", "engine").from_width(140),
        Column::text("precision", "precision").from_width(140),
        Column::text("experiment", "experiment").from_width(140),
        Column::text("group", "group").from_width(140),
        Column::count("input_tokens", "in").from_width(160),
        Column::count("output_tokens", "out").from_width(160),
        Column::energy("active_j", "active").from_width(160),
        Column::time("duration_ns", "recording").from_width(160),
        Column::energy("recorded_j", "recorded").from_width(160),
        Column::energy("j_per_output_token", "/output token").from_width(180),
        Column::number("tokens_per_j", "token/J").from_width(180),
        Column::text("basis", "basis").from_width(180),
        Column::data("tags"),
    ];
    if is_experiment && let Some(at) = columns.iter().position(|one| one.key() == "j_per_token") {
        let per_token = columns.remove(at);
        columns.insert(1, per_token);
    }
    columns
}

/// Returns the caveat common to all runs; `None` if they differ or were measured.
fn common_caveat(runs: &[RunListEntry]) -> Option<&'static str> {
    let first = runs.first()?.provenance?;
    let same = runs.iter().all(|run| run.provenance == Some(first));
    same.then(|| query::caveat(first)).flatten()
}
