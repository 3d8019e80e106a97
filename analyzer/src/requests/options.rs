//! Options of the list of requests.

use std::time::Duration;

use clap::Args;

use crate::options::{RAIL_HELP, parse_duration};
use crate::walk::parse_window;

/// Which spans are requests, and which of them are listed.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct RequestOptions {
    /// Name of the spans that are requests [default: spans outside of others]
    #[arg(long, value_name = "NAME")]
    pub span: Option<String>,
    /// Also divide requests by the values of these fields
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    pub by: Vec<String>,
    /// Only this rail; `None` for the sum of root rails.
    #[arg(long, value_name = "RAIL", help = RAIL_HELP)]
    pub rail: Option<String>,
    /// Only requests that begin in this time of the run, e.g. 2s..5s
    #[arg(long, value_name = "FROM..UNTIL", value_parser = parse_window,
          allow_hyphen_values = true)]
    pub window: Option<(i64, i64)>,
    /// Only requests that begin in the last part of the run
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "window")]
    pub since: Option<Duration>,
    /// Maximum number of rows (0 lists all)
    #[arg(long, value_name = "N", default_value_t = Self::default().limit)]
    pub limit: usize,
    /// Number of the costliest requests to list
    #[arg(long, value_name = "N", default_value_t = Self::default().costliest)]
    pub costliest: usize,
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self {
            span: None,
            by: Vec::new(),
            rail: None,
            window: None,
            since: None,
            limit: 20,
            costliest: 5,
        }
    }
}

impl RequestOptions {
    /// Returns the time in which requests begin, of a run that lasts until `end_ns`.
    pub(super) fn window_ns(&self, end_ns: i64) -> (i64, i64) {
        let length = |since: Duration| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
        match (self.window, self.since) {
            (Some(window), _) => window,
            (None, Some(since)) => (end_ns.saturating_sub(length(since)), i64::MAX),
            (None, None) => (i64::MIN, i64::MAX),
        }
    }
}
