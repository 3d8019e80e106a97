//! Plan of repeats and their order.

use rand::SeedableRng as _;
use rand::rngs::ChaCha12Rng;
use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};

use super::{CONFIG_TAG, GROUP_TAG, REPEAT_TAG};

/// Everything needed to execute or resume repeats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepeatPlan {
    /// Group of all runs.
    pub group: String,
    /// Prompt; `None` if texts are not stored.
    pub prompt: Option<String>,
    /// SHA-256 of the prompt.
    pub prompt_sha256: String,
    /// Number of runs of each configuration.
    pub repeat: usize,
    /// Number of unrecorded generations before the first run of each.
    pub warmup: usize,
    /// Pause between two runs, ms.
    pub cooldown_ms: u64,
    /// Seed of the shuffled order.
    pub order_seed: u64,
    /// The configurations; at least one.
    pub configs: Vec<Config>,
}

/// One configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Distinguishes it from the others; empty if there is only one.
    pub label: String,
    /// Model as given on the command line.
    pub model: String,
    /// Options of `energy run`.
    pub words: Vec<String>,
}

/// One run of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedRun {
    /// Index of its configuration.
    pub config: usize,
    /// Number within the configuration, from 1.
    pub repeat: usize,
}

impl RepeatPlan {
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
    pub(super) fn words(&self, planned: PlannedRun, prompt: &str) -> Vec<String> {
        let mut words = vec!["run".to_owned()];
        words.extend(self.configs[planned.config].words.iter().cloned());
        let tags = self.tags(planned).into_iter();
        words.extend(tags.flat_map(|(key, value)| ["--tag".to_owned(), format!("{key}={value}")]));
        if planned.repeat == 1 && self.warmup > 0 {
            words.extend(["--warmup".to_owned(), self.warmup.to_string()]);
        }
        let plan = serde_json::to_string(self).unwrap_or_default();
        words.extend([
            "--plan".to_owned(),
            plan,
            "--".to_owned(),
            prompt.to_owned(),
        ]);
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(configs: usize, repeat: usize) -> RepeatPlan {
        let config = |number: usize| Config {
            label: format!("c{number}"),
            model: "m".into(),
            words: vec!["--model=m".into()],
        };
        RepeatPlan {
            group: "g".into(),
            prompt: Some("why?".into()),
            prompt_sha256: String::new(),
            repeat,
            warmup: 1,
            cooldown_ms: 0,
            order_seed: 7,
            configs: (0..configs).map(config).collect(),
        }
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
        let planned = PlannedRun {
            config: 1,
            repeat: 1,
        };
        let words = plan.words(planned, "--odd");
        assert_eq!(words[..2], ["run", "--model=m"]);
        assert!(words.contains(&"config=c1".to_owned()) && words.contains(&"--warmup".to_owned()));
        assert_eq!(words[words.len() - 2..], ["--", "--odd"]);
        let at = words.iter().position(|word| word == "--plan").unwrap();
        assert_eq!(
            serde_json::from_str::<RepeatPlan>(&words[at + 1]).unwrap(),
            plan
        );
        let later = plan.words(
            PlannedRun {
                repeat: 2,
                ..planned
            },
            "x",
        );
        assert!(!later.contains(&"--warmup".to_owned()));
    }
}
