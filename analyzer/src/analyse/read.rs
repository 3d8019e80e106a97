//! Reads the configurations that analyses use.

use crate::error::{Error, Result};
use crate::format::{counted, escape, shorten};
use crate::query::{
    Recording, RunConfiguration, RunFacts, RunFilter, RunOrder, add_latencies, configurations,
    disturbed_runs, experiments, is_replaced, run_facts, run_page,
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
    /// Complete runs that other trials of their experiment have replaced: the machine was throttled.
    pub replaced: usize,
    /// Complete runs without a known energy per token.
    pub without_energy: usize,
    /// Runs on a busy, hot or throttled machine.
    pub disturbed: usize,
}

impl ReadConfigurations {
    /// Returns the number of runs.
    pub fn runs(&self) -> usize {
        self.configurations.iter().map(|one| one.runs.len()).sum()
    }

    /// Returns a caution about runs on a disturbed machine, if there are any.
    pub fn disturbed_caution(&self) -> Option<String> {
        let all = self.runs();
        let text = format!(
            "{} of {all} runs had warnings about the machine, for example that other programs kept \
             processors busy: J/token contains the energy of these, too. `energy show` lists them.",
            self.disturbed.min(all)
        );
        (self.disturbed > 0).then_some(text)
    }

    /// Returns a note about runs that were replaced, if there are any.
    pub fn replaced_note(&self) -> Option<String> {
        let runs = counted(self.replaced, "run");
        let note = format!("Not used: {runs} of throttled trials, which were repeated.");
        (self.replaced > 0).then_some(note)
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
        let (replaced, complete): (Vec<_>, Vec<_>) = complete
            .into_iter()
            .partition(|run| is_replaced(run.tags.keys()));
        read.replaced += replaced.len();
        let all = complete.len();
        let known: Vec<_> = complete
            .into_iter()
            .filter(|run| run.j_per_token.is_some())
            .collect();
        read.without_energy += all - known.len();
        let disturbed = disturbed_runs(recording)?;
        let is_disturbed = known.iter().filter(|run| disturbed.contains(&run.no));
        read.disturbed += is_disturbed.count();
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
