//! Series: configurations that are equal in all but one factor.

use std::collections::BTreeMap;

use energy_statistics::compare::RunSample;

use super::analysis::PerToken;
use super::finding::FindingRow;
use super::mean::mean_interval;
use super::series_name::names_of;
use crate::query::{ConfigurationKey, RunConfiguration, RunFacts};

/// Confidence of the intervals of means.
pub(super) const CONFIDENCE: f64 = 0.95;

/// A level of the factor, with its configurations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SeriesLevel<'c> {
    pub(super) name: String,
    pub(super) number: Option<f64>,
    pub(super) configurations: Vec<&'c RunConfiguration>,
}

/// Configurations that are equal in all but one factor.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FactorSeries<'c> {
    /// What they have in common, as far as it differs from other series.
    pub(super) name: String,
    pub(super) levels: Vec<SeriesLevel<'c>>,
}

/// Returns the level of a configuration: its name, and its number if it has one.
pub(super) type LevelOf = fn(&RunConfiguration) -> Option<(String, Option<f64>)>;

/// A factor: what is cleared from the identity of configurations, and the level of one.
pub(super) struct SeriesFactor {
    /// Clears the factor's settings.
    pub(super) clear: fn(&mut ConfigurationKey),
    /// Returns name and number of the level; `None` if it is unknown.
    pub(super) level: LevelOf,
}

/// Divides configurations into series, those with the most levels first.
pub(super) fn series<'c>(
    configurations: &'c [RunConfiguration],
    factor: &SeriesFactor,
) -> Vec<FactorSeries<'c>> {
    let mut by_key: BTreeMap<ConfigurationKey, Vec<&RunConfiguration>> = BTreeMap::new();
    for one in configurations {
        let mut key = one.key.clone();
        (factor.clear)(&mut key);
        by_key.entry(key).or_default().push(one);
    }
    let keys: Vec<ConfigurationKey> = by_key.keys().cloned().collect();
    let names = names_of(&keys);
    let all = names.into_iter().zip(by_key.into_values());
    let mut all: Vec<FactorSeries<'c>> = all
        .map(|(name, members)| FactorSeries {
            name,
            levels: levels(members, factor),
        })
        .filter(|series| !series.levels.is_empty())
        .collect();
    let size = |series: &FactorSeries<'_>| {
        let runs = series.levels.iter().flat_map(|level| &level.configurations);
        (
            series.levels.len(),
            runs.map(|one| one.runs.len()).sum::<usize>(),
        )
    };
    all.sort_by(|a, b| {
        let names = || parts(&a.name).cmp(&parts(&b.name));
        size(b).cmp(&size(a)).then_with(names)
    });
    all
}

/// Returns the texts of a name with the numbers that follow them, so that `prompt 32` is before
/// `prompt 128`.
fn parts(name: &str) -> Vec<(&str, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let (text, after) = rest.split_at(
            rest.find(|c: char| c.is_ascii_digit())
                .unwrap_or(rest.len()),
        );
        let end = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        let (number, next) = after.split_at(end);
        parts.push((text, number.parse().unwrap_or(u64::MAX)));
        rest = next;
    }
    parts
}

fn levels<'c>(members: Vec<&'c RunConfiguration>, factor: &SeriesFactor) -> Vec<SeriesLevel<'c>> {
    let mut levels: Vec<SeriesLevel<'c>> = Vec::new();
    for one in members {
        let Some((name, number)) = (factor.level)(one) else {
            continue;
        };
        match levels.iter_mut().find(|level| level.name == name) {
            Some(level) => level.configurations.push(one),
            None => levels.push(SeriesLevel {
                name,
                number,
                configurations: vec![one],
            }),
        }
    }
    levels.sort_by(|a, b| {
        let numbers = a.number.partial_cmp(&b.number);
        let numbers = numbers.unwrap_or(std::cmp::Ordering::Equal);
        numbers.then_with(|| a.name.cmp(&b.name))
    });
    levels
}

impl<'c> SeriesLevel<'c> {
    /// Returns all runs of the level.
    pub(super) fn runs(&self) -> impl Iterator<Item = &'c RunFacts> + '_ {
        self.configurations.iter().flat_map(|one| &one.runs)
    }

    /// Returns the energies of its runs per token.
    pub(super) fn values(&self, per: PerToken) -> Vec<f64> {
        self.runs().filter_map(|run| per.of(run)).collect()
    }

    /// Returns the samples of its runs.
    pub(super) fn samples(&self, per: PerToken) -> Vec<RunSample> {
        self.runs()
            .filter_map(|run| sample(run, per.of(run)?))
            .collect()
    }

    /// Returns its row without a verdict.
    pub(super) fn row(&self, per: PerToken) -> FindingRow {
        let values = self.values(per);
        let mean = mean_interval(&values, CONFIDENCE);
        let runs: Vec<&RunFacts> = self.runs().collect();
        FindingRow {
            level: self.name.clone(),
            number: self.number,
            configurations: self.configurations.len(),
            runs: values.len(),
            value: mean.map(|mean| mean.value),
            lo: mean.and_then(|mean| mean.lo),
            hi: mean.and_then(|mean| mean.hi),
            ..means_of(&runs)
        }
    }
}

/// Returns the row with the means of runs.
pub(super) fn means_of(runs: &[&RunFacts]) -> FindingRow {
    let mean = |of: fn(&RunFacts) -> Option<f64>| {
        let values: Option<Vec<f64>> = runs.iter().map(|run| of(run)).collect();
        mean_interval(&values?, CONFIDENCE).map(|mean| mean.value)
    };
    let qualities: Option<Vec<_>> = runs.iter().map(|run| run.quality.as_ref()).collect();
    let quality = qualities.and_then(|all| {
        let first = all.first().copied()?;
        all.iter().all(|one| *one == first).then_some(first)
    });
    FindingRow {
        j_per_input_token: mean(|run| PerToken::InputToken.of(run)),
        j_per_output_token: mean(|run| PerToken::OutputToken.of(run)),
        tokens_per_s: mean(|run| run.results.tokens_per_s),
        ttft_ns: mean(|run| run.results.ttft_ns),
        tpot_ns: mean(|run| run.results.tpot_ns),
        perplexity: quality.map(|quality| quality.perplexity),
        reference_perplexity: quality.map(|quality| quality.reference_perplexity),
        top1_agreement: quality.map(|quality| quality.top1_agreement),
        ..FindingRow::default()
    }
}

/// Returns the sample of a run with this value; `None` if its start is unknown.
pub(super) fn sample(run: &RunFacts, value: f64) -> Option<RunSample> {
    let start_unix_ns = run.start_unix_ns?;
    Some(RunSample {
        value,
        start_unix_ns,
        end_unix_ns: run.end_unix_ns.unwrap_or(start_unix_ns),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_compared_as_numbers() {
        let mut names = [
            "q8_0, prompt 128",
            "q8_0, prompt 32",
            "q4_1",
            "f32, prompt 512",
            "",
        ];
        names.sort_by(|a, b| parts(a).cmp(&parts(b)));
        let expected = [
            "",
            "f32, prompt 512",
            "q4_1",
            "q8_0, prompt 32",
            "q8_0, prompt 128",
        ];
        assert_eq!(names, expected);
    }
}
