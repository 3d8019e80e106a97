//! What is repeated, and in which order.

use rand::SeedableRng as _;
use rand::rngs::ChaCha12Rng;
use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};

use super::{CONFIG_TAG, GROUP_TAG, REPEAT_TAG};

/// All that is needed to make the repeats, or to go on with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The group of all runs.
    pub group: String,
    /// What the model is asked; none where texts are kept out of the recording.
    pub prompt: Option<String>,
    /// SHA-256 of what the model is asked.
    pub prompt_sha256: String,
    /// Runs of each configuration.
    pub repeat: usize,
    /// Generations without recording before the first run of each.
    pub warmup: usize,
    /// Rest between two runs, ms.
    pub cooldown_ms: u64,
    /// Seed of the order.
    pub order_seed: u64,
    /// The configurations; at least one.
    pub configs: Vec<Config>,
}

/// One configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// What tells it from the others; empty where there is only one.
    pub label: String,
    /// The model, as it was named.
    pub model: String,
    /// Options of `energy run`.
    pub words: Vec<String>,
}

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Its configuration, from 0.
    pub config: usize,
    /// Its number within the configuration, from 1.
    pub repeat: usize,
}

impl Plan {
    /// All runs in their order: rounds of all configurations, each round shuffled.
    pub fn turns(&self) -> Vec<Turn> {
        let mut random = ChaCha12Rng::seed_from_u64(self.order_seed);
        let mut turns = Vec::new();
        for repeat in 1..=self.repeat {
            let mut round: Vec<usize> = (0..self.configs.len()).collect();
            round.shuffle(&mut random);
            turns.extend(round.into_iter().map(|config| Turn { config, repeat }));
        }
        turns
    }

    /// The tags of a run.
    pub(super) fn tags(&self, turn: Turn) -> Vec<(&'static str, String)> {
        let mut tags = vec![
            (GROUP_TAG, self.group.clone()),
            (REPEAT_TAG, turn.repeat.to_string()),
        ];
        let label = &self.configs[turn.config].label;
        if !label.is_empty() {
            tags.push((CONFIG_TAG, label.clone()));
        }
        tags
    }

    /// What `energy` is told to make a run.
    pub(super) fn words(&self, turn: Turn, prompt: &str) -> Vec<String> {
        let mut words = vec!["run".to_owned()];
        words.extend(self.configs[turn.config].words.iter().cloned());
        let tags = self.tags(turn).into_iter();
        words.extend(tags.flat_map(|(key, value)| ["--tag".to_owned(), format!("{key}={value}")]));
        if turn.repeat == 1 && self.warmup > 0 {
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

    fn plan(configs: usize, repeat: usize) -> Plan {
        let config = |number: usize| Config {
            label: format!("c{number}"),
            model: "m".into(),
            words: vec!["--model=m".into()],
        };
        Plan {
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
    fn each_round_has_every_configuration_once_in_an_order_of_its_own() {
        let plan = plan(4, 20);
        let turns = plan.turns();
        assert_eq!(turns, plan.turns(), "the same seed, the same order");
        let mut orders = std::collections::BTreeSet::new();
        for (at, round) in turns.chunks(4).enumerate() {
            let order: Vec<usize> = round.iter().map(|turn| turn.config).collect();
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
            assert!(round.iter().all(|turn| turn.repeat == at + 1));
            orders.insert(order);
        }
        assert!(orders.len() > 5, "{orders:?}");
    }

    #[test]
    fn a_run_is_told_all_and_the_plan_reads_back() {
        let plan = plan(2, 2);
        let turn = Turn {
            config: 1,
            repeat: 1,
        };
        let words = plan.words(turn, "--odd");
        assert_eq!(words[..2], ["run", "--model=m"]);
        assert!(words.contains(&"config=c1".to_owned()) && words.contains(&"--warmup".to_owned()));
        assert_eq!(words[words.len() - 2..], ["--", "--odd"]);
        let at = words.iter().position(|word| word == "--plan").unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&words[at + 1]).unwrap(), plan);
        let later = plan.words(Turn { repeat: 2, ..turn }, "x");
        assert!(!later.contains(&"--warmup".to_owned()));
    }
}
