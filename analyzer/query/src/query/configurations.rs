//! Configurations: cells of an experiment. Runs of one configuration are repeats.

use std::collections::BTreeMap;

use super::configuration_key::ConfigurationKey;
use super::run_facts::RunFacts;

/// A configuration with its runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RunConfiguration {
    /// Its identity.
    pub key: ConfigurationKey,
    /// Its runs, oldest first; at least one.
    pub runs: Vec<RunFacts>,
}

impl RunConfiguration {
    /// Returns the first run, which describes the model of all.
    pub fn first(&self) -> Option<&RunFacts> {
        self.runs.first()
    }

    /// Returns the known values of its runs.
    pub fn values(&self, of: impl Fn(&RunFacts) -> Option<f64>) -> Vec<f64> {
        self.runs.iter().filter_map(of).collect()
    }
}

/// Groups runs by their configuration, in the order of configurations.
pub fn configurations(runs: Vec<RunFacts>) -> Vec<RunConfiguration> {
    let mut by_key: BTreeMap<ConfigurationKey, Vec<RunFacts>> = BTreeMap::new();
    for run in runs {
        by_key
            .entry(run.configuration.clone())
            .or_default()
            .push(run);
    }
    let grouped = by_key.into_iter();
    let mut grouped: Vec<RunConfiguration> = grouped
        .map(|(key, runs)| RunConfiguration { key, runs })
        .collect();
    for one in &mut grouped {
        one.runs.sort_by_key(|run| run.start_unix_ns);
    }
    grouped
}
