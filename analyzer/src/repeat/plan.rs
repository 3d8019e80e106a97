//! Plan of repeats and their order.

use rand::SeedableRng as _;
use rand::rngs::ChaCha12Rng;
use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};

use super::RepeatOptions;
use super::tags::{CONFIG_TAG, GROUP_TAG, REPEAT_TAG};
use crate::error::{Error, Result};
use crate::format::stamp;
use crate::run::{RunOptions, RunVariants, sha256_of};

/// Version of stored plans; increased when a field is removed or changes its meaning.
const VERSION: u32 = 1;

/// Everything needed to execute or resume repeats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RepeatPlan {
    /// Version of this struct.
    version: u32,
    /// Group of all runs.
    pub group: String,
    /// Prompt; `None` if texts are not stored.
    pub prompt: Option<String>,
    /// SHA-256 of the prompt.
    pub prompt_sha256: String,
    /// SHA-256 of the system turn if it is not part of the stored options.
    #[serde(default)]
    pub system_sha256: Option<String>,
    /// Number of runs of each configuration.
    pub repeat: usize,
    /// Pause between two runs, ms.
    pub cooldown_ms: u64,
    /// Seed of the shuffled order.
    pub order_seed: u64,
    /// The configurations; at least one.
    pub configs: Vec<Config>,
}

/// One configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Distinguishes it from the others; empty if there is only one.
    pub label: String,
    /// Options of its runs, without the prompt.
    pub options: RunOptions,
}

/// Position of a run in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedRun {
    /// Index of its configuration.
    pub config: usize,
    /// Number within the configuration, from 1.
    pub repeat: usize,
}

/// A run of a plan, as the process that executes it receives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunOfPlan {
    plan: RepeatPlan,
    config: usize,
    repeat: usize,
}

impl RepeatPlan {
    /// Plans the repeats of every combination of `variants`.
    pub fn new(options: &RunOptions, variants: &RunVariants, repeats: &RepeatOptions) -> Self {
        let config = |options: RunOptions| Config {
            label: variants.label(&options),
            options,
        };
        let prompt = &options.prompt;
        Self {
            version: VERSION,
            group: match &repeats.group {
                Some(group) => group.clone(),
                None => format!("run-{}", stamp()),
            },
            prompt: options.recording.keep_text.then(|| prompt.clone()),
            prompt_sha256: sha256_of(prompt.as_bytes()),
            system_sha256: options
                .system_sha256()
                .filter(|_| !options.recording.keep_text),
            repeat: repeats.repeat.max(1),
            cooldown_ms: u64::try_from(repeats.cooldown.as_millis()).unwrap_or(u64::MAX),
            order_seed: repeats.order_seed,
            configs: variants.all(options).into_iter().map(config).collect(),
        }
    }

    /// Reads a stored plan; `None` if the value is none, or is one of another version.
    pub(super) fn from_value(value: &serde_json::Value) -> Option<Self> {
        let plan = Self::deserialize(value).ok()?;
        (plan.version == VERSION).then_some(plan)
    }

    /// Returns the plan as it is stored: without the system turn if texts are not.
    fn stored(&self) -> Self {
        let mut plan = self.clone();
        if self.system_sha256.is_some() {
            plan.set_system(None);
        }
        plan
    }

    /// Sets the system turn of all configurations.
    pub fn set_system(&mut self, system: Option<&str>) {
        for config in &mut self.configs {
            config.options.system = system.map(str::to_owned);
        }
    }

    /// Returns all runs in order: rounds of all configurations, each round shuffled.
    pub fn runs(&self) -> Vec<PlannedRun> {
        let mut random = ChaCha12Rng::seed_from_u64(self.order_seed);
        let mut runs = Vec::new();
        for repeat in 1..=self.repeat {
            let mut round: Vec<usize> = (0..self.configs.len()).collect();
            round.shuffle(&mut random);
            runs.extend(
                round
                    .into_iter()
                    .map(|config| PlannedRun { config, repeat }),
            );
        }
        runs
    }

    /// Returns the tags of a run.
    pub(super) fn tags(&self, planned: PlannedRun) -> Vec<(&'static str, String)> {
        let mut tags = vec![
            (GROUP_TAG, self.group.clone()),
            (REPEAT_TAG, planned.repeat.to_string()),
        ];
        let label = &self.configs[planned.config].label;
        if !label.is_empty() {
            tags.push((CONFIG_TAG, label.clone()));
        }
        tags
    }

    /// Returns the arguments of `energy` for a run.
    pub(super) fn words(&self, planned: PlannedRun, prompt: &str) -> Result<Vec<String>> {
        let run = RunOfPlan {
            plan: self.clone(),
            config: planned.config,
            repeat: planned.repeat,
        };
        let run = serde_json::to_string(&run)
            .map_err(|error| Error::Repeat(format!("the plan cannot be passed on: {error}")))?;
        Ok(["run", "--plan", &run, "--", prompt]
            .map(str::to_owned)
            .into())
    }
}

impl RunOfPlan {
    /// Returns the options of the run for the prompt. Only the first run of a configuration
    /// has unrecorded generations.
    ///
    /// # Errors
    /// If the plan is of another version, or has no such configuration.
    pub fn options(&self, prompt: String) -> Result<RunOptions> {
        let config = self.plan.configs.get(self.config);
        let config = config.filter(|_| self.plan.version == VERSION);
        let config = config.ok_or_else(|| {
            let text = "--plan is not a plan of this version; it is set by `energy run --repeat`";
            Error::Request(text.to_owned())
        })?;
        let mut options = RunOptions {
            prompt,
            plan: serde_json::to_value(self.plan.stored()).ok(),
            ..config.options.clone()
        };
        if self.repeat > 1 {
            options.warmup = 0;
        }
        let planned = PlannedRun {
            config: self.config,
            repeat: self.repeat,
        };
        let tags = self.plan.tags(planned).into_iter();
        let tags = tags.map(|(key, value)| (key.to_owned(), value));
        options.recording.tags.extend(tags);
        Ok(options)
    }
}

impl std::str::FromStr for RunOfPlan {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(configs: usize, repeat: usize) -> RepeatPlan {
        let variants = RunVariants {
            max_tokens: (1..=configs).collect(),
            ..RunVariants::default()
        };
        let options = RunOptions {
            prompt: "why?".into(),
            warmup: 1,
            method: Some(tracing_energy::Method::Fitted),
            ..RunOptions::default()
        };
        let repeats = RepeatOptions {
            repeat,
            order_seed: 7,
            group: Some("g".into()),
            ..RepeatOptions::default()
        };
        RepeatPlan::new(&options, &variants, &repeats)
    }

    #[test]
    fn each_round_has_every_configuration_once_in_a_random_order() {
        let plan = plan(4, 20);
        let runs = plan.runs();
        assert_eq!(runs, plan.runs(), "the same seed, the same order");
        let mut orders = std::collections::BTreeSet::new();
        for (at, round) in runs.chunks(4).enumerate() {
            let order: Vec<usize> = round.iter().map(|planned| planned.config).collect();
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
            assert!(round.iter().all(|planned| planned.repeat == at + 1));
            orders.insert(order);
        }
        assert!(orders.len() > 5, "{orders:?}");
    }

    #[test]
    fn arguments_of_a_run_contain_all_options_and_the_plan() {
        let plan = plan(2, 2);
        let options = |repeat: usize| {
            let words = plan
                .words(PlannedRun { config: 1, repeat }, "--odd")
                .unwrap();
            assert_eq!(words[..2], ["run", "--plan"]);
            assert_eq!(words[3..], ["--", "--odd"]);
            let run: RunOfPlan = words[2].parse().unwrap();
            run.options(words[4].clone()).unwrap()
        };
        let first = options(1);
        assert_eq!((first.prompt.as_str(), first.max_tokens), ("--odd", 2));
        assert_eq!(first.warmup, 1);
        assert_eq!(first.method, Some(tracing_energy::Method::Fitted));
        let tags = [("group", "g"), ("repeat", "1"), ("config", "2")];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(first.recording.tags, tags);
        let stored = first.plan.clone().unwrap();
        assert_eq!(
            RepeatPlan::from_value(&stored),
            Some(without_prompts(&plan))
        );
        assert_eq!(options(2).warmup, 0);
    }

    #[test]
    fn the_system_turn_is_stored_with_the_texts_only() {
        for keep_text in [true, false] {
            let mut options = RunOptions {
                system: Some("be brief".into()),
                ..RunOptions::default()
            };
            options.recording.keep_text = keep_text;
            let repeats = RepeatOptions::default();
            let plan = RepeatPlan::new(&options, &RunVariants::default(), &repeats);
            let planned = PlannedRun {
                config: 0,
                repeat: 1,
            };
            let words = plan.words(planned, "why?").unwrap();
            let run: RunOfPlan = words[2].parse().unwrap();
            let run = run.options("why?".to_owned()).unwrap();
            assert_eq!(run.system.as_deref(), Some("be brief"));
            let stored = run.plan.unwrap().to_string();
            assert_eq!(stored.contains("be brief"), keep_text);
            assert_eq!(
                plan.system_sha256,
                options.system_sha256().filter(|_| !keep_text)
            );
        }
    }

    #[test]
    fn plans_of_other_versions_are_not_read() {
        let mut value = serde_json::to_value(plan(1, 1)).unwrap();
        assert!(RepeatPlan::from_value(&value).is_some());
        value["version"] = 99.into();
        assert_eq!(RepeatPlan::from_value(&value), None);
        let run = serde_json::json!({ "plan": value, "config": 0, "repeat": 1 });
        let run: RunOfPlan = run.to_string().parse().unwrap();
        assert!(run.options(String::new()).is_err());
    }

    /// Prompts are not part of the stored options.
    fn without_prompts(plan: &RepeatPlan) -> RepeatPlan {
        let mut plan = plan.clone();
        for config in &mut plan.configs {
            config.options.prompt.clear();
        }
        plan
    }
}
