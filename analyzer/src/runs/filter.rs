//! Filter of the list of runs.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::query::{self, Recording, RunListEntry};

/// Conditions that a run must meet; the default keeps all runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Text that the model's name contains, ignoring case.
    pub model: Option<String>,
    /// Text that the engine's name contains, ignoring case.
    pub engine: Option<String>,
    /// Tags that it must have, with these values if given.
    pub tags: Vec<(String, Option<String>)>,
    /// Experiment.
    pub experiment: Option<String>,
    /// Group of repeats.
    pub group: Option<String>,
    /// Status.
    pub status: Option<String>,
    /// Earliest start, ns since 1970.
    pub since_ns: Option<i64>,
    /// Latest start, ns since 1970.
    pub until_ns: Option<i64>,
    /// Text that the prompt contains, ignoring case.
    pub prompt: Option<String>,
    /// Range of its energy per token; runs without a known value are excluded.
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

/// Parses `LO..HI`; either end may be omitted.
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
