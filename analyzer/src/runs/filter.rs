//! Filter of the list of runs.

use std::collections::BTreeSet;

use clap::Args;
use tracing_energy::host;

use crate::error::Result;
use crate::query::{self, Recording, RunListEntry};

use super::time_range::parse_time_range;

/// Conditions that a run must meet; the default keeps all runs.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Filter {
    /// Only runs whose model's name contains this text, ignoring case
    #[arg(long, value_name = "TEXT")]
    pub model: Option<String>,
    /// Only runs whose engine's name contains this text, ignoring case
    #[arg(long, value_name = "TEXT")]
    pub engine: Option<String>,
    /// Only runs with this tag, and value if given (repeatable; all must match)
    #[arg(long = "tag", value_name = "KEY[=VALUE]", value_parser = parse_tag_filter)]
    pub tags: Vec<(String, Option<String>)>,
    /// Only runs of this experiment
    #[arg(long, value_name = "NAME")]
    pub experiment: Option<String>,
    /// Only runs of this group of repeats
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Only runs with this status
    #[arg(long, value_name = "STATUS",
          value_parser = ["running", "complete", "cancelled", "crashed"])]
    pub status: Option<String>,
    /// Only runs started at this time or later: 2026-11-01, 2026-11-01T12:30, or an age: 7d, 12h
    #[arg(long = "since", value_name = "DATE|AGE", value_parser = parse_since)]
    pub since_ns: Option<i64>,
    /// Only runs started at this time or earlier
    #[arg(long = "until", value_name = "DATE|AGE", value_parser = parse_until)]
    pub until_ns: Option<i64>,
    /// Only runs whose prompt contains this text, ignoring case
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,
    /// Only runs in this range of joules per token, ends included: 0.5..2, 0.5.., ..2
    #[arg(long, value_name = "LOW..HIGH", value_parser = parse_range,
          allow_hyphen_values = true)]
    pub j_per_token: Option<Range>,
}

/// A closed range of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Smallest.
    pub low: f64,
    /// Largest.
    pub high: f64,
}

impl Filter {
    /// Returns the runs that meet all conditions.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn keep(
        &self,
        recording: &Recording,
        runs: Vec<RunListEntry>,
    ) -> Result<Vec<RunListEntry>> {
        let with_prompt = match &self.prompt {
            Some(text) => Some(query::with_prompt(recording, text)?),
            None => None,
        };
        let prompted = |run: &RunListEntry, found: &BTreeSet<i64>| found.contains(&run.no);
        let kept = runs.into_iter().filter(|run| {
            self.matches(run)
                && with_prompt
                    .as_ref()
                    .is_none_or(|found| prompted(run, found))
        });
        Ok(kept.collect())
    }

    /// Checks all conditions except the prompt.
    fn matches(&self, run: &RunListEntry) -> bool {
        let holds = |name: &Option<String>, part: &Option<String>| {
            part.as_ref().is_none_or(|part| {
                let name = name.as_deref().unwrap_or_default().to_lowercase();
                name.contains(&part.to_lowercase())
            })
        };
        let is =
            |value: &Option<String>, wanted: &Option<String>| wanted.is_none() || value == wanted;
        holds(&run.model, &self.model)
            && holds(&run.engine, &self.engine)
            && is(&run.experiment, &self.experiment)
            && is(&run.group, &self.group)
            && self
                .status
                .as_ref()
                .is_none_or(|status| run.status == *status)
            && self.since_ns.is_none_or(|ns| run.start_unix_ns >= ns)
            && self.until_ns.is_none_or(|ns| run.start_unix_ns <= ns)
            && self.tags.iter().all(|(key, value)| {
                let found = run.tags.get(key);
                found.is_some_and(|found| value.as_ref().is_none_or(|value| found == value))
            })
            && self.j_per_token.is_none_or(|range| {
                let within = |j: f64| (range.low..=range.high).contains(&j);
                run.j_per_token.is_some_and(within)
            })
    }
}

fn parse_since(text: &str) -> std::result::Result<i64, String> {
    Ok(parse_time_range(text, host::unix_ns())?.first_ns)
}

fn parse_until(text: &str) -> std::result::Result<i64, String> {
    Ok(parse_time_range(text, host::unix_ns())?.last_ns)
}

/// Parses `LOW..HIGH`; either end may be omitted.
///
/// # Errors
/// Describes the accepted format.
pub fn parse_range(text: &str) -> std::result::Result<Range, String> {
    let advice = || format!("`{text}` is not a range; write 0.5..2, 0.5.. or ..2");
    let (low, high) = text.split_once("..").ok_or_else(advice)?;
    let bound = |text: &str, open: f64| match text.trim() {
        "" => Ok(open),
        number => number
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(advice),
    };
    let (low, high) = (bound(low, f64::NEG_INFINITY)?, bound(high, f64::INFINITY)?);
    match low <= high {
        true => Ok(Range { low, high }),
        false => Err(format!("`{text}` is empty: {low} is more than {high}")),
    }
}

/// Parses `KEY=VALUE`, or `KEY` for a tag with any value.
///
/// # Errors
/// If there is no key.
pub fn parse_tag_filter(text: &str) -> std::result::Result<(String, Option<String>), String> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (text, None),
    };
    match key {
        "" => Err(format!("`{text}` has no key; write KEY or KEY=VALUE")),
        key => Ok((key.to_owned(), value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_may_be_open() {
        let range = |low, high| Ok(Range { low, high });
        assert_eq!(parse_range("0.5..2"), range(0.5, 2.0));
        assert_eq!(parse_range("..2"), range(f64::NEG_INFINITY, 2.0));
        assert_eq!(parse_range("0.5.."), range(0.5, f64::INFINITY));
        for wrong in ["", "2", "2..1", "a..b", "nan..1", "1...2", "1..inf"] {
            assert!(parse_range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tag_filters_have_an_optional_value() {
        assert_eq!(parse_tag_filter("a"), Ok(("a".into(), None)));
        assert_eq!(
            parse_tag_filter("a="),
            Ok(("a".into(), Some(String::new())))
        );
        assert!(parse_tag_filter("=b").is_err());
    }
}
