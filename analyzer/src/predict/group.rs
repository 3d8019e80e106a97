//! The group of runs that a prediction is based on, and the runs that were left out.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::analyse::list_of;
use crate::format::{counted, escape, precision_name, shorten};
use crate::query::{ConfigurationKey, RunConfiguration};

/// Maximum length of a name in a sentence.
const NAME: usize = 40;

/// Settings that all runs of a prediction have, and the numbers of used and unused ones.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PredictionGroup {
    /// Architectures of the models, in alphabetical order.
    pub architectures: Vec<String>,
    /// Number format of the weights.
    pub precision: Option<String>,
    /// Program that ran the models.
    pub engine: Option<String>,
    /// Device of the tensors.
    pub device: Option<String>,
    /// Method of the attribution.
    pub attribution: Option<String>,
    /// Models, configurations and runs of the group.
    pub used: GroupSize,
    /// Those of the same machine, and of a measured model, that are not in the group.
    pub left_out: GroupSize,
    /// Names of the groups that were left out: the settings in which they differ.
    pub other_groups: Vec<String>,
}

/// Numbers of models, configurations and runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct GroupSize {
    /// Models.
    pub models: usize,
    /// Configurations.
    pub configurations: usize,
    /// Runs.
    pub runs: usize,
}

impl GroupSize {
    fn of(members: &[&RunConfiguration]) -> Self {
        let models: BTreeSet<_> = members
            .iter()
            .map(|one| (&one.key.model, &one.key.model_sha256))
            .collect();
        Self {
            models: models.len(),
            configurations: members.len(),
            runs: members.iter().map(|one| one.runs.len()).sum(),
        }
    }

    fn words(self) -> String {
        format!(
            "{} of {} of {}",
            counted(self.runs, "run"),
            counted(self.configurations, "configuration"),
            counted(self.models, "model")
        )
    }
}

impl PredictionGroup {
    /// Describes the used `members` with the settings `key`, out of `candidates`.
    pub(super) fn of(
        key: &ConfigurationKey,
        (members, candidates): (&[&RunConfiguration], &[&RunConfiguration]),
        other_groups: Vec<String>,
    ) -> Self {
        let is_used = |one: &&RunConfiguration| members.iter().any(|used| used.key == one.key);
        let left_out: Vec<&RunConfiguration> = candidates
            .iter()
            .copied()
            .filter(|one| !is_used(one))
            .collect();
        let architectures = members
            .iter()
            .filter_map(|one| one.first()?.shape.architecture.clone());
        Self {
            architectures: architectures
                .collect::<BTreeSet<String>>()
                .into_iter()
                .collect(),
            precision: key.precision.clone(),
            engine: key.engine.clone(),
            device: key.device.clone(),
            attribution: key.attribution.clone(),
            used: GroupSize::of(members),
            left_out: GroupSize::of(&left_out),
            other_groups,
        }
    }

    /// Returns the group and what was left out, in words.
    pub(super) fn sentences(&self) -> Vec<String> {
        let text = |value: &str| shorten(&escape(value), NAME);
        let known = |value: &Option<String>| value.as_deref().map_or("unknown".to_owned(), text);
        let architectures: Vec<String> = self.architectures.iter().map(|one| text(one)).collect();
        let architectures = match architectures.is_empty() {
            true => "unknown".to_owned(),
            false => list_of(&architectures),
        };
        let mut all = vec![format!(
            "Group: architecture {architectures}, precision {}, engine {}, device {}: {}.",
            known(&self.precision.as_deref().map(precision_name)),
            known(&self.engine),
            known(&self.device),
            self.used.words()
        )];
        if self.left_out.runs > 0 {
            let others: Vec<String> = self.other_groups.iter().map(|one| text(one)).collect();
            let others = match others.is_empty() {
                true => String::new(),
                false => format!(" ({})", list_of(&others)),
            };
            all.push(format!(
                "Not used, because other settings differ or parameters are unknown: {}{others}. \
                 Choose with --precision or --engine.",
                self.left_out.words()
            ));
        }
        all
    }
}
