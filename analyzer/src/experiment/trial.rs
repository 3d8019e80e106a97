//! One trial, as the process that executes it reads it from the file.

use std::path::Path;
use std::sync::Arc;

use energy_data::rows::TrialRow;
use energy_store::{RunExclusion, Store};

use super::config::TrialConfig;
use super::plan::ExperimentPlan;
use crate::checksum::sha256_of;
use crate::error::{Error, Result};
use crate::options::RecordingOptions;
use crate::query::REPLACED_TAG;
use crate::run::RunOptions;

/// Tag shared by all runs of an experiment: its name.
pub(crate) const GROUP_TAG: &str = "group";
/// Tag with the round of a run, from 1.
pub(crate) const REPEAT_TAG: &str = "repeat";
/// Tag of a configuration, if there are several.
pub(crate) const CONFIG_TAG: &str = "config";
/// How the complete run of a failed trial is excluded, e.g. that of a process that failed afterwards.
pub(super) const FAILED: RunExclusion<'static> = RunExclusion {
    group: GROUP_TAG,
    mark: REPLACED_TAG,
    reason: crate::query::FAILED,
};
/// How a run is excluded that is repeated because the machine was throttled.
pub(super) const THROTTLED: RunExclusion<'static> = RunExclusion {
    group: GROUP_TAG,
    mark: REPLACED_TAG,
    reason: "throttled",
};
/// Longest prompt that is stored with each run, in bytes; the plan has longer ones once.
const STORED_PROMPT: usize = 4096;

/// A trial with its plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Id of the experiment.
    pub experiment: String,
    /// Number within the experiment, from 1.
    pub no: i64,
    /// Number within its configuration, from 1.
    pub round: i64,
    /// Values that distinguish its configuration; empty if there is only one.
    pub label: String,
    /// Values of all factors.
    pub config: TrialConfig,
    /// The plan.
    pub plan: Arc<ExperimentPlan>,
}

impl Trial {
    /// Returns the trial of a stored row.
    ///
    /// # Errors
    /// If its configuration is damaged.
    pub fn of_row(experiment: &str, row: &TrialRow, plan: &Arc<ExperimentPlan>) -> Result<Self> {
        let config = serde_json::from_str(&row.config).map_err(|error| {
            Error::Repeat(format!(
                "trial {experiment}:{}: its configuration cannot be read: {error}",
                row.no
            ))
        })?;
        Ok(Self {
            experiment: experiment.to_owned(),
            no: row.no,
            round: row.round,
            label: row.configuration.clone(),
            config,
            plan: Arc::clone(plan),
        })
    }

    /// Reads the trial `ID:NO` of the recording at `database`.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn read(database: &Path, selector: &str) -> Result<Self> {
        let store = Store::open(database)?;
        let unknown = || {
            Error::Request(format!(
                "there is no trial {selector}; start trials with `energy sweep`"
            ))
        };
        let (id, no) = selector.rsplit_once(':').ok_or_else(unknown)?;
        let no: i64 = no.parse().map_err(|_| unknown())?;
        let experiment = store.experiment(id)?.ok_or_else(unknown)?;
        let row = store.trial(id, no)?.ok_or_else(unknown)?;
        let plan = Arc::new(ExperimentPlan::from_text(&experiment.plan)?);
        Self::of_row(id, &row, &plan)
    }

    /// Returns the text that selects the trial: `ID:NO`.
    pub fn selector(&self) -> String {
        format!("{}:{}", self.experiment, self.no)
    }

    /// Sets the experiment and the tags by which runs are grouped.
    pub fn label_recording(&self, recording: &mut RecordingOptions) {
        let mut tags = vec![
            (GROUP_TAG, self.plan.name.clone()),
            (REPEAT_TAG, self.round.to_string()),
        ];
        if !self.label.is_empty() {
            tags.push((CONFIG_TAG, self.label.clone()));
        }
        let tags = tags.into_iter();
        let tags = tags.map(|(key, value)| (key.to_owned(), value));
        recording.tags.extend(tags);
        let name = || self.plan.name.clone();
        recording.experiment = recording.experiment.take().or_else(|| Some(name()));
    }

    /// Returns the options of the run. Each process warms up, because nothing in it is warm when it
    /// begins. `given` supplies texts that are not stored: the prompt and the system turn.
    ///
    /// # Errors
    /// If a text is not stored, and the given one differs from that of the plan.
    pub fn options(&self, given: &GivenTexts) -> Result<RunOptions> {
        let plan = &self.plan;
        let mut options = self.config.options(&plan.options);
        self.label_recording(&mut options.recording);
        if let Some(sha256) = &plan.prompt_sha256 {
            let prompt = plan.prompt.clone().or_else(|| given.prompt.clone());
            options.prompt = prompt
                .filter(|prompt| sha256_of(prompt.as_bytes()) == *sha256)
                .ok_or_else(|| absent("prompt", "give the same prompt"))?;
        }
        if plan.system_sha256.is_some() {
            options.system.clone_from(&given.system);
            if options.system_sha256() != plan.system_sha256 {
                return Err(absent("system turn", "give the same --system"));
            }
        }
        options.is_prompt_stored =
            options.prompt_tokens.is_none() && options.prompt.len() <= STORED_PROMPT;
        Ok(options)
    }
}

/// Texts that a plan does not hold if texts are not stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenTexts {
    /// Prompt.
    pub prompt: Option<String>,
    /// System turn.
    pub system: Option<String>,
}

fn absent(what: &str, next: &str) -> Error {
    Error::Request(format!("the {what} was not stored: {next} with --resume"))
}
