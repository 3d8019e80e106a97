//! Experiments in a recording: created, found, and prepared to be resumed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use energy_data::rows::{ExperimentRow, TrialRow, TrialStatus};
use energy_store::{NameUser, Store, TrialEnd};

use super::config::TrialConfig;
use super::factor_options::LabelledConfig;
use super::plan::ExperimentPlan;
use super::trial::{FAILED, GROUP_TAG, GivenTexts};
use super::trial_conditions::{events_of_run, joined};
use crate::checksum::sha256_of;
use crate::error::{Error, Result};
use crate::format::escape;

/// An experiment in a recording that is open for writing.
#[derive(Debug)]
pub struct Experiment {
    /// Id.
    pub id: String,
    /// The plan.
    pub plan: Arc<ExperimentPlan>,
    /// Texts that the plan does not hold.
    pub given: GivenTexts,
    /// Path of the recording.
    pub database: PathBuf,
    pub(super) store: Store,
}

impl Experiment {
    /// Stores a new experiment with its trials.
    ///
    /// # Errors
    /// If an experiment or a group of runs has its name, or the file cannot be written.
    pub fn create(
        database: &Path,
        plan: ExperimentPlan,
        configs: &[LabelledConfig],
        given: GivenTexts,
    ) -> Result<Self> {
        let trials = plan.trials(configs)?;
        let store = Store::create(database)?;
        let row = ExperimentRow {
            id: uuid::Uuid::new_v4().to_string(),
            name: plan.name.clone(),
            created_unix_ns: energy_host::unix_ns(),
            plan: plan.text()?,
        };
        if let Some(user) = store.insert_experiment(&row, &trials, GROUP_TAG)? {
            return Err(taken(&plan.name, user));
        }
        Ok(Self {
            id: row.id,
            plan: Arc::new(plan),
            given,
            // One file has one lock, whatever its path.
            database: database.canonicalize()?,
            store,
        })
    }

    /// Opens the experiment with this name or id; the newest one with trials to execute if it is
    /// `None`. `given` supplies the texts that its plan does not hold.
    ///
    /// # Errors
    /// If there is none, or a text differs from that of its plan.
    pub fn open(database: &Path, name: Option<&str>, given: GivenTexts) -> Result<Self> {
        if !database.exists() {
            return Err(Error::NoRecording(database.to_owned()));
        }
        let store = Store::open_writable(database)?;
        let row = match name {
            Some(name) => named(&store, name)?,
            None => newest(&store)?,
        };
        let mut plan = ExperimentPlan::from_text(&row.plan)?;
        if plan.has_prompt_of_input() {
            let prompt = given.prompt.as_ref();
            let sha256 = prompt.map(|prompt| sha256_of(prompt.as_bytes()));
            if sha256 != plan.prompt_sha256 {
                let text = "the prompt was not stored: give the same prompt with --resume";
                return Err(Error::Request(text.to_owned()));
            }
        }
        if plan.system_sha256.is_some() {
            plan.options.system.clone_from(&given.system);
            if plan.options.system_sha256() != plan.system_sha256 {
                let text = "the system turn was not stored: give the same --system with --resume";
                return Err(Error::Request(text.to_owned()));
            }
        }
        Ok(Self {
            id: row.id,
            plan: Arc::new(plan),
            given,
            // One file has one lock, whatever its path.
            database: database.canonicalize()?,
            store,
        })
    }

    /// Returns its trials in the order of execution.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn trials(&self) -> Result<Vec<TrialRow>> {
        Ok(self.store.trials(&self.id)?)
    }

    /// Returns its configurations, as they were when it began.
    ///
    /// # Errors
    /// If one is damaged.
    pub fn configs(&self) -> Result<Vec<LabelledConfig>> {
        let planned = self.plan.configs()?;
        let values: BTreeMap<&str, &Vec<_>> = planned
            .iter()
            .map(|config| (config.label.as_str(), &config.values))
            .collect();
        let (mut all, mut known) = (Vec::new(), BTreeSet::new());
        let mut trials = self.trials()?;
        trials.sort_by_key(|trial| trial.no);
        for trial in trials {
            if !known.insert(trial.configuration.clone()) {
                continue;
            }
            let config = serde_json::from_str::<TrialConfig>(&trial.config);
            let config = config.map_err(|error| {
                Error::Repeat(format!(
                    "trial {} of experiment {}: its configuration cannot be read: {error}",
                    trial.no,
                    escape(&self.plan.name)
                ))
            })?;
            all.push(LabelledConfig {
                values: values
                    .get(trial.configuration.as_str())
                    .map_or_else(Vec::new, |values| values.to_vec()),
                label: trial.configuration,
                config,
            });
        }
        Ok(all)
    }

    /// Changes the plan and stores it.
    pub(super) fn change_plan(&mut self, change: impl FnOnce(&mut ExperimentPlan)) -> Result<()> {
        let mut plan = ExperimentPlan::clone(&self.plan);
        change(&mut plan);
        self.store.set_plan(&self.id, &plan.text()?)?;
        self.plan = Arc::new(plan);
        Ok(())
    }

    /// Makes trials pending that are to be executed again: interrupted ones, complete ones without
    /// a run in the file, and with `retry_failed` failed ones. An interrupted trial is complete if
    /// its run was completed after the experiment's process had been lost. No process may execute
    /// the experiment.
    pub(super) fn recover(&self, retry_failed: bool) -> Result<()> {
        let complete = self.store.complete_runs(&self.id)?;
        for trial in self.trials()? {
            let has_run = trial
                .run_uuid
                .as_ref()
                .is_some_and(|uuid| complete.contains(uuid));
            if trial.status == TrialStatus::Failed && has_run {
                // Older versions left such runs in their group.
                self.store.exclude_run(&self.id, trial.no, &FAILED)?;
            }
            match recovery(trial.status, has_run, retry_failed) {
                Recovery::Keep => {}
                Recovery::Reset => self.store.reset_trial(&self.id, trial.no)?,
                Recovery::Complete => {
                    let uuid = trial.run_uuid.as_deref().unwrap_or_default();
                    let events = events_of_run(&self.store, uuid)?;
                    let end = TrialEnd {
                        status: TrialStatus::Complete,
                        duration_ns: None,
                        error: None,
                        warning: joined(&events, None),
                    };
                    self.store.end_trial(&self.id, trial.no, &end, None)?;
                }
            }
        }
        Ok(())
    }
}

/// What becomes of a trial when its experiment is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recovery {
    /// It stays as it is.
    Keep,
    /// It is executed (again).
    Reset,
    /// Its run was completed after its process had been lost.
    Complete,
}

/// Returns what becomes of a trial with this status. `has_run` is whether its run is complete and
/// in the file.
fn recovery(status: TrialStatus, has_run: bool, retry_failed: bool) -> Recovery {
    match (status, has_run) {
        (TrialStatus::Running, true) => Recovery::Complete,
        (TrialStatus::Running | TrialStatus::Complete, false) => Recovery::Reset,
        (TrialStatus::Failed, _) if retry_failed => Recovery::Reset,
        _ => Recovery::Keep,
    }
}

/// Returns the error of a name that is used already.
fn taken(name: &str, user: NameUser) -> Error {
    let name = escape(name);
    Error::Request(match user {
        NameUser::Experiment => format!(
            "experiment {name} exists; resume it with --resume {name}, or choose another name"
        ),
        NameUser::Runs => {
            format!("group {name} exists and has no plan to resume; choose another name")
        }
    })
}

/// Returns the newest experiment of that name, or the one with that id.
fn named(store: &Store, name: &str) -> Result<ExperimentRow> {
    let all = store.experiments()?;
    let found = all
        .iter()
        .rev()
        .find(|row| row.name == name || row.id == name);
    found.cloned().ok_or_else(|| match all.is_empty() {
        true => Error::Request(format!(
            "there is no experiment {}: the file has none; begin one with `energy sweep`",
            escape(name)
        )),
        false => Error::Unknown {
            what: "experiment",
            name: escape(name),
            known: names(&all),
        },
    })
}

/// Returns the newest experiment with trials that have not ended.
fn newest(store: &Store) -> Result<ExperimentRow> {
    let all = store.experiments()?;
    for row in all.iter().rev() {
        let mut trials = store.trials(&row.id)?.into_iter();
        let is_open = |status| matches!(status, TrialStatus::Pending | TrialStatus::Running);
        if trials.any(|trial| is_open(trial.status)) {
            return Ok(row.clone());
        }
    }
    Err(Error::Request(match all.is_empty() {
        true => "the file has no experiment; begin one with `energy sweep`".to_owned(),
        false => format!(
            "all experiments are complete; resume one by its name to repeat failed or deleted \
             runs: {}",
            names(&all)
        ),
    }))
}

fn names(all: &[ExperimentRow]) -> String {
    let names: Vec<String> = all
        .iter()
        .rev()
        .take(10)
        .map(|row| escape(&row.name))
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Executes a prefix of trials, of which some fail, is killed during the next one (its run
        /// may be completed anyway), and loses some runs by deletion.
        #[test]
        fn what_is_executed_after_a_kill_is_the_complement(
            failed in prop::collection::vec(any::<bool>(), 1..40),
            deleted in prop::collection::vec(any::<bool>(), 40),
            done in 0usize..40,
            is_completed: bool,
            retry_failed: bool,
        ) {
            let done = done.min(failed.len());
            let mut executed = Vec::new();
            for (at, failed) in failed.iter().enumerate() {
                let status = match (at < done, *failed) {
                    (true, true) => TrialStatus::Failed,
                    (true, false) => TrialStatus::Complete,
                    (false, _) if at == done => TrialStatus::Running,
                    (false, _) => TrialStatus::Pending,
                };
                let has_run = match status {
                    TrialStatus::Complete => !deleted[at],
                    TrialStatus::Running => is_completed,
                    _ => false,
                };
                let is_executed = match recovery(status, has_run, retry_failed) {
                    Recovery::Reset => true,
                    Recovery::Complete => false,
                    Recovery::Keep => status == TrialStatus::Pending,
                };
                // Every trial ends with one complete run, or as failed.
                let is_skipped = *failed && at < done && !retry_failed;
                prop_assert_eq!(is_executed, !has_run && !is_skipped, "trial {}: {:?}", at, status);
                executed.push(is_executed);
            }
            prop_assert!(executed.iter().skip(done + 1).all(|executed| *executed));
        }
    }
}
