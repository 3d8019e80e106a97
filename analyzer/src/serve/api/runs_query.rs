//! Parameters of the list of runs.

use energy_host as host;
use serde::Deserialize;
use utoipa::IntoParams;

use super::choice::{given, parsed};
use super::rows::PageRange;
use crate::query::{RunFilter, RunOrder, Sort, parse_range, parse_tag_filter};
use crate::runs::{TimeRange, parse_time_range};
use crate::serve::problem::Problem;

/// Number of runs on a page, and the largest number.
const LIMITS: (usize, usize) = (100, 1000);

/// Parameters of the list of runs. Empty ones do not filter.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RunsQuery {
    /// Text in the model's name, ignoring case
    model: Option<String>,
    /// Text in the engine's name, ignoring case
    engine: Option<String>,
    /// Text in the prompt, ignoring case
    prompt: Option<String>,
    /// Experiment
    experiment: Option<String>,
    /// Group of repeats
    group: Option<String>,
    /// Tags that all must match, separated by commas: `KEY` or `KEY=VALUE`
    tags: Option<String>,
    /// Status
    #[param(inline)]
    status: Option<StatusName>,
    /// Earliest start: `2026-11-01`, `2026-11-01T12:30:15Z` (UTC), or an age such as `7d`
    date_from: Option<String>,
    /// Latest start; a day is included
    date_to: Option<String>,
    /// Range of joules per token: `0.5..2`, `0.5..`, `..2`
    j_per_token: Option<String>,
    /// Sort key: largest first, unknown last
    #[param(inline)]
    sort_by: Option<SortName>,
    /// Direction; `desc` is the default
    #[param(inline)]
    order: Option<Direction>,
    /// Number of runs to return
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
    /// Number of runs to skip
    #[param(default = 0)]
    offset: Option<usize>,
}

#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum StatusName {
    Running,
    Complete,
    Cancelled,
    Crashed,
}

#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum SortName {
    Date,
    Duration,
    Energy,
    JPerToken,
    TokensPerS,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Direction {
    Asc,
    Desc,
}

/// A parsed request for a page of runs.
#[derive(Debug, PartialEq)]
pub(super) struct RunsRequest {
    pub(super) filter: RunFilter,
    pub(super) order: RunOrder,
    pub(super) page: PageRange,
}

impl RunsQuery {
    /// Parses the parameters.
    ///
    /// # Errors
    /// If one is malformed.
    pub(super) fn parse(self) -> Result<RunsRequest, Problem> {
        let page = PageRange::new(self.offset, self.limit, LIMITS)?;
        let since = parsed(self.date_from.as_ref(), "date_from", time)?;
        let until = parsed(self.date_to.as_ref(), "date_to", time)?;
        let filter = RunFilter {
            model: given(self.model.as_ref()),
            engine: given(self.engine.as_ref()),
            tags: parsed(self.tags.as_ref(), "tags", tags)?.unwrap_or_default(),
            experiment: given(self.experiment.as_ref()),
            group: given(self.group.as_ref()),
            status: self.status.map(StatusName::name),
            since_ns: since.map(|range| range.first_ns),
            until_ns: until.map(|range| range.last_ns),
            prompt: given(self.prompt.as_ref()),
            j_per_token: parsed(self.j_per_token.as_ref(), "j_per_token", parse_range)?,
        };
        Ok(RunsRequest {
            filter,
            order: RunOrder {
                sort: self.sort_by.map_or(Sort::Date, SortName::sort),
                reverse: self.order == Some(Direction::Asc),
            },
            page,
        })
    }
}

impl StatusName {
    fn name(self) -> String {
        let name = match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
            Self::Crashed => "crashed",
        };
        name.to_owned()
    }
}

impl SortName {
    fn sort(self) -> Sort {
        match self {
            Self::Date => Sort::Date,
            Self::Duration => Sort::Duration,
            Self::Energy => Sort::Energy,
            Self::JPerToken => Sort::JPerToken,
            Self::TokensPerS => Sort::TokensPerS,
        }
    }
}

fn time(text: &str) -> Result<TimeRange, String> {
    let now_ns = host::unix_ns();
    parse_time_range(text, now_ns).or_else(|error| {
        // A time zone or fractions of a second.
        let at_ns = crate::format::parse_moment(text).ok_or(error)?;
        Ok(TimeRange {
            first_ns: at_ns,
            last_ns: at_ns,
        })
    })
}

/// Parses tags separated by commas, `KEY` or `KEY=VALUE`; all must match.
pub(super) fn tags(text: &str) -> Result<Vec<(String, Option<String>)>, String> {
    let parts = text.split(',').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(parse_tag_filter)
        .collect()
}
