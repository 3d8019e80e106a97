//! Parameters of questions, as one row of the view `parameters`.

use clap::Args;

use super::engine::Engine;
use super::side::{DateRange, Side, parse_date, parse_side};

/// Least distance of an outlier.
const THRESHOLD: f64 = 3.5;

/// Parameters of questions.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Parameters {
    /// Only use packs from this UTC date on: 2026-11-01 or 7d
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    pub since: Option<String>,
    /// Only use packs until this UTC date, which is included
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    pub until: Option<String>,
    /// First side of `change`: DATE, DATE..DATE or version=TEXT
    #[arg(long, value_name = "SIDE", value_parser = parse_side)]
    pub a: Option<Side>,
    /// Second side of `change`
    #[arg(long, value_name = "SIDE", value_parser = parse_side)]
    pub b: Option<Side>,
    /// Least |z| of an outlier
    #[arg(long, value_name = "Z", default_value_t = Self::default().threshold)]
    pub threshold: f64,
    /// Trace id of `trace`
    #[arg(long, value_name = "ID")]
    pub trace_id: Option<String>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            since: None,
            until: None,
            a: None,
            b: None,
            threshold: THRESHOLD,
            trace_id: None,
        }
    }
}

impl Parameters {
    /// Returns the dates that questions are limited to.
    pub fn dates(&self) -> DateRange {
        DateRange {
            since: self.since.clone(),
            until: self.until.clone(),
        }
    }

    /// Returns the query of the row of parameters.
    pub(super) fn row(&self, engine: Engine) -> String {
        let (a, b) = (self.a.clone(), self.b.clone());
        let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
        let values = [
            ("a_since", a.dates.since),
            ("a_until", a.dates.until),
            ("a_version", a.version),
            ("b_since", b.dates.since),
            ("b_until", b.dates.until),
            ("b_version", b.version),
            ("trace_id", self.trace_id.clone()),
        ];
        let values =
            values.map(|(name, value)| format!("{} AS {name}", engine.optional(value.as_deref())));
        format!(
            "SELECT {}, {:e} AS threshold",
            values.join(", "),
            self.threshold
        )
    }
}
