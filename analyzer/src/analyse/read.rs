//! Reads the configurations that analyses use.

use crate::error::{Error, Result};
use crate::format::{counted, escape, shorten};
use crate::query::{
    NoResult, Recording, RunConfiguration, RunFacts, RunFilter, RunOrder, add_latencies,
    configurations, experiments, run_facts, run_page,
};

/// Status of the runs that analyses use.
const COMPLETE: &str = "complete";

/// Configurations with their runs, and the numbers of runs that were left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadConfigurations {
    /// The configurations.
    pub configurations: Vec<RunConfiguration>,
    /// Runs that match but are not complete.
    pub incomplete: usize,
    /// Complete runs of trials that were repeated because the machine was throttled.
    pub replaced: usize,
    /// Complete runs of failed trials.
    pub failed: usize,
    /// Complete runs without a known energy per token.
    pub without_energy: usize,
}

impl ReadConfigurations {
    /// Returns the number of runs.
    pub fn runs(&self) -> usize {
        self.configurations.iter().map(|one| one.runs.len()).sum()
    }

    /// Returns a note for each kind of runs that are no results, if there are any.
    pub fn no_result_notes(&self) -> Vec<String> {
        let of = [
            (self.replaced, "throttled trials, which were repeated"),
            (self.failed, "failed trials"),
        ];
        let of = of.into_iter().filter(|(count, _)| *count > 0);
        of.map(|(count, trials)| format!("Not used: {} of {trials}.", counted(count, "run")))
            .collect()
    }
}

/// Whether waiting times of requests are read: they take a search in the spans of each run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latencies {
    /// Read.
    Read,
    /// Unknown.
    Skip,
}

/// Reads the complete runs of recordings that match a filter.
///
/// # Errors
/// If a file cannot be read, or none has a run of the experiment that the filter names.
pub fn read_configurations(
    recordings: &[&Recording],
    filter: &RunFilter,
    latencies: Latencies,
) -> Result<ReadConfigurations> {
    let mut runs: Vec<RunFacts> = Vec::new();
    let mut read = ReadConfigurations::default();
    if let Some(name) = &filter.experiment {
        require_experiment(recordings, name)?;
    }
    for recording in recordings {
        let page = run_page(recording, filter, RunOrder::default(), (0, None))?;
        let (complete, others): (Vec<_>, Vec<_>) = page
            .runs
            .into_iter()
            .partition(|run| run.status == COMPLETE);
        read.incomplete += others.len();
        let complete = complete
            .into_iter()
            .filter(|run| match NoResult::of(&run.tags) {
                Some(NoResult::Repeated) => {
                    read.replaced += 1;
                    false
                }
                Some(NoResult::Failed) => {
                    read.failed += 1;
                    false
                }
                None => true,
            });
        let complete: Vec<_> = complete.collect();
        let all = complete.len();
        let known: Vec<_> = complete
            .into_iter()
            .filter(|run| run.j_per_token.is_some())
            .collect();
        read.without_energy += all - known.len();
        let mut facts = run_facts(recording, known)?;
        if latencies == Latencies::Read {
            add_latencies(recording, &mut facts)?;
        }
        runs.extend(facts);
    }
    // A run that was merged into several files counts once.
    runs.sort_by(|a, b| a.run.cmp(&b.run));
    runs.dedup_by(|a, b| a.run == b.run);
    read.configurations = configurations(runs);
    Ok(read)
}

/// Fails if no recording has a run of an experiment; the message lists the experiments.
fn require_experiment(recordings: &[&Recording], name: &str) -> Result<()> {
    let mut known = Vec::new();
    for recording in recordings {
        known.extend(experiments(recording)?.into_iter().map(|one| one.name));
    }
    if known.iter().any(|one| one == name) {
        return Ok(());
    }
    known.sort();
    known.dedup();
    let known: Vec<String> = known.iter().map(|one| shorten(&escape(one), 40)).collect();
    Err(Error::Unknown {
        what: "experiment",
        name: shorten(&escape(name), 40),
        known: match known.is_empty() {
            true => "none yet, make one with `energy sweep`".to_owned(),
            false => known.join(", "),
        },
    })
}
