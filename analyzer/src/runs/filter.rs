//! Which runs are meant.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::query::{self, Listed, Recording};

/// What a run must be like; nothing asked for keeps all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// A part of the model's name, in upper or lower case.
    pub model: Option<String>,
    /// A part of the engine's name, in upper or lower case.
    pub engine: Option<String>,
    /// Tags that it has, all of them; with this value where there is one.
    pub tags: Vec<(String, Option<String>)>,
    /// Its experiment.
    pub experiment: Option<String>,
    /// Its group of repeats.
    pub group: Option<String>,
    /// Its status.
    pub status: Option<String>,
    /// It began at that time or later, ns since 1970.
    pub since_ns: Option<i64>,
    /// It began at that time or earlier, ns since 1970.
    pub until_ns: Option<i64>,
    /// A part of its prompt, in upper or lower case.
    pub prompt: Option<String>,
    /// Its J/token; a run for which that is not known is not meant.
    pub j_per_token: Option<Range>,
}

/// From one number to another, both included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Smallest.
    pub low: f64,
    /// Largest.
    pub high: f64,
}

impl Filter {
    /// The `runs` that are meant.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn keep(&self, recording: &Recording, runs: Vec<Listed>) -> Result<Vec<Listed>> {
        let with_prompt = match &self.prompt {
            Some(text) => Some(query::with_prompt(recording, text)?),
            None => None,
        };
        let prompted = |run: &Listed, found: &BTreeSet<i64>| found.contains(&run.no);
        let kept = runs.into_iter().filter(|run| {
            self.keeps(run)
                && with_prompt
                    .as_ref()
                    .is_none_or(|found| prompted(run, found))
        });
        Ok(kept.collect())
    }

    /// All but the prompt.
    fn keeps(&self, run: &Listed) -> bool {
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

/// Reads `LO..HI`, either of which may be left out.
///
/// # Errors
/// Says what is accepted.
pub fn parse_range(text: &str) -> std::result::Result<Range, String> {
    let advice = || format!("`{text}` is no range; write it like 0.5..2, 0.5.. or ..2");
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

/// Reads `KEY=VALUE`, or `KEY` for a tag of any value.
///
/// # Errors
/// When there is no key.
pub fn parse_wanted_tag(text: &str) -> std::result::Result<(String, Option<String>), String> {
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
    fn tags_are_wanted_with_or_without_value() {
        assert_eq!(parse_wanted_tag("a"), Ok(("a".into(), None)));
        assert_eq!(
            parse_wanted_tag("a="),
            Ok(("a".into(), Some(String::new())))
        );
        assert!(parse_wanted_tag("=b").is_err());
    }
}
