//! The plan of an experiment, and the order of its trials.
//!
//! ```text
//! round 1               [warm-up] b   cool-down   [warm-up] a
//! round 2   cool-down   [warm-up] a   cool-down   [warm-up] b     shuffled again
//! ```
//!
//! Each run is a process of its own, so that each one warms up. Each round runs every configuration once, so that time of day and temperature do not
//! bias the comparison.

use std::time::Duration;

use energy_data::rows::{TrialRow, TrialStatus};
use rand::SeedableRng as _;
use rand::rngs::ChaCha12Rng;
use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};

use super::chosen_factor::ChosenFactor;
use super::config::TrialConfig;
use super::factor_options::{FactorOptions, LabelledConfig};
use super::options::SweepOptions;
use crate::checksum::sha256_of;
use crate::engine::EngineOptions;
use crate::error::{Error, Result};
use crate::run::RunOptions;

/// Version of stored plans; increased when a field is removed or changes its meaning.
const VERSION: u32 = 1;
/// Most trials of an experiment.
const MOST: usize = 1_000_000;

/// Everything that the trials of an experiment have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentPlan {
    /// Version of this struct.
    version: u32,
    /// Name of the experiment.
    pub name: String,
    /// Prompt; `None` if texts are not stored, or prompts are made.
    pub prompt: Option<String>,
    /// SHA-256 of the prompt; `None` if prompts are made.
    pub prompt_sha256: Option<String>,
    /// SHA-256 of the system turn if it is not part of the stored options.
    pub system_sha256: Option<String>,
    /// Factors with their values.
    pub factors: Vec<ChosenFactor>,
    /// Options of all runs.
    pub options: RunOptions,
    /// Options of engines.
    #[serde(default)]
    pub engine: EngineOptions,
    /// Number of runs of each configuration.
    pub repeat: usize,
    /// Longest pause between two runs, ms.
    pub cooldown_ms: u64,
    /// Longest time of a run, ms.
    pub timeout_ms: Option<u64>,
    /// Whether throttled runs are repeated.
    pub repeat_throttled: bool,
    /// Seed of the shuffled order.
    pub order_seed: u64,
    /// SHA-256 of the program that began the experiment.
    pub program_sha256: Option<String>,
    /// Idle power before the first run in watts, if a sensor measures it.
    pub idle_w: Option<f64>,
}

impl ExperimentPlan {
    /// Creates a plan. The prompt is that of `options`, unless each configuration makes its own.
    pub fn new(
        name: String,
        options: &RunOptions,
        factors: &FactorOptions,
        engine: &EngineOptions,
        sweep: &SweepOptions,
    ) -> Self {
        let keep_text = options.recording.keep_text;
        let given = (!factors.has("prompt-tokens")).then_some(options.prompt.as_str());
        Self {
            version: VERSION,
            name,
            prompt: given.filter(|_| keep_text).map(str::to_owned),
            prompt_sha256: given.map(|prompt| sha256_of(prompt.as_bytes())),
            system_sha256: options.system_sha256().filter(|_| !keep_text),
            factors: factors.chosen.clone(),
            options: options.clone(),
            engine: engine.clone(),
            repeat: sweep.repeat.max(1),
            cooldown_ms: ms(sweep.cooldown),
            timeout_ms: sweep.timeout.map(ms),
            repeat_throttled: sweep.repeat_throttled,
            order_seed: sweep.order_seed,
            program_sha256: None,
            idle_w: None,
        }
    }

    /// Reads a stored plan.
    ///
    /// # Errors
    /// If it is damaged, or of another version.
    pub fn from_text(text: &str) -> Result<Self> {
        let fault = |what: String| {
            Error::Repeat(format!(
                "the stored plan cannot be used: {what}; plan the experiment again"
            ))
        };
        let plan: Self = serde_json::from_str(text)
            .map_err(|error| fault(format!("it is damaged ({error})")))?;
        match plan.version {
            VERSION => Ok(plan),
            other => Err(fault(format!("its version is {other}, not {VERSION}"))),
        }
    }

    /// Returns the plan as it is stored: without the system turn if texts are not.
    ///
    /// # Errors
    /// If a value has no JSON form.
    pub fn text(&self) -> Result<String> {
        let mut plan = self.clone();
        if self.system_sha256.is_some() {
            plan.options.system = None;
        }
        serde_json::to_string(&plan)
            .map_err(|error| Error::Repeat(format!("the plan cannot be stored: {error}")))
    }

    /// Returns the configurations.
    ///
    /// # Errors
    /// As [`FactorOptions::configs`].
    pub fn configs(&self) -> Result<Vec<LabelledConfig>> {
        let factors = FactorOptions {
            chosen: self.factors.clone(),
        };
        factors.configs(&TrialConfig::of(&self.options))
    }

    /// Returns the number of planned trials, without those that replace others.
    pub fn trial_count(&self) -> usize {
        let values = self.factors.iter().map(|chosen| chosen.values.len());
        values.fold(self.repeat, usize::saturating_mul)
    }

    /// Returns the trials of `configs` in the order of execution: rounds of all configurations,
    /// each round shuffled.
    ///
    /// # Errors
    /// If there are too many, or a configuration has no JSON form.
    pub fn trials(&self, configs: &[LabelledConfig]) -> Result<Vec<TrialRow>> {
        let count = configs.len().saturating_mul(self.repeat);
        if count > MOST {
            let text = format!("{count} runs exceed {MOST}; give fewer values, or lower --repeat");
            return Err(Error::Request(text));
        }
        let mut texts = Vec::with_capacity(configs.len());
        for config in configs {
            let text = serde_json::to_string(&config.config);
            let text = text.map_err(|error| {
                Error::Repeat(format!("a configuration cannot be stored: {error}"))
            })?;
            texts.push((config.label.clone(), text));
        }
        let order = order(configs.len(), self.repeat, self.order_seed);
        let row = |(position, (config, round)): (usize, (usize, usize))| TrialRow {
            no: whole(config * self.repeat + round),
            round: whole(round),
            configuration: texts
                .get(config)
                .map_or_else(String::new, |one| one.0.clone()),
            config: texts
                .get(config)
                .map_or_else(String::new, |one| one.1.clone()),
            position: whole(position + 1),
            status: TrialStatus::Pending,
            run_uuid: None,
            start_unix_ns: None,
            duration_ns: None,
            error: None,
            warning: None,
        };
        Ok(order.into_iter().enumerate().map(row).collect())
    }

    /// Returns whether texts are not stored, so that trials read the prompt from standard input.
    pub fn has_prompt_of_input(&self) -> bool {
        self.prompt.is_none() && self.prompt_sha256.is_some()
    }

    /// Returns the longest pause between two runs.
    pub fn cooldown(&self) -> Duration {
        Duration::from_millis(self.cooldown_ms)
    }

    /// Returns the longest time of a run.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout_ms.map(Duration::from_millis)
    }
}

/// Returns configurations (from 0) and rounds (from 1) in the order of execution.
fn order(configs: usize, repeat: usize, seed: u64) -> Vec<(usize, usize)> {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let mut all = Vec::with_capacity(configs * repeat);
    for round in 1..=repeat {
        let mut shuffled: Vec<usize> = (0..configs).collect();
        shuffled.shuffle(&mut random);
        all.extend(shuffled.into_iter().map(|config| (config, round)));
    }
    all
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn plan(configs: usize, repeat: usize, seed: u64) -> ExperimentPlan {
        let mut factors = FactorOptions::default();
        factors
            .choose("max-tokens", &format!("1..{configs}"))
            .unwrap();
        let sweep = SweepOptions {
            repeat,
            order_seed: seed,
            ..SweepOptions::default()
        };
        let options = RunOptions {
            prompt: "why?".into(),
            system: Some("be brief".into()),
            method: Some(tracing_energy::Method::Fitted),
            ..RunOptions::default()
        };
        ExperimentPlan::new(
            "e".into(),
            &options,
            &factors,
            &EngineOptions::default(),
            &sweep,
        )
    }

    #[test]
    fn each_round_has_every_configuration_once_in_a_random_order() {
        let all = order(4, 20, 7);
        assert_eq!(all, order(4, 20, 7), "the same seed, the same order");
        let rounds = all.chunks(4).enumerate();
        let orders: BTreeSet<Vec<usize>> = rounds
            .map(|(at, round)| {
                assert!(round.iter().all(|(_, number)| *number == at + 1));
                let order: Vec<usize> = round.iter().map(|(config, _)| *config).collect();
                assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 4);
                order
            })
            .collect();
        assert!(orders.len() > 5, "{orders:?}");
    }

    proptest! {
        #[test]
        fn every_configuration_is_run_exactly_as_often_as_planned(
            configs in 1usize..60, repeat in 1usize..6, seed: u64, done in 0usize..400
        ) {
            let plan = plan(configs, repeat, seed);
            let trials = plan.trials(&plan.configs().unwrap()).unwrap();
            let mut counts = BTreeMap::new();
            for trial in &trials {
                *counts.entry(&trial.config).or_insert(0) += 1;
            }
            prop_assert_eq!(counts.len(), configs);
            prop_assert!(counts.values().all(|count| *count == repeat));
            let numbers: BTreeSet<i64> = trials.iter().map(|trial| trial.no).collect();
            prop_assert_eq!(numbers, (1..=whole(configs * repeat)).collect::<BTreeSet<_>>());
            prop_assert!(trials.windows(2).all(|pair| pair[0].position + 1 == pair[1].position));
            // What remains after any prefix is the complement.
            let (before, after) = trials.split_at(done.min(trials.len()));
            let both: BTreeSet<i64> = before.iter().chain(after).map(|trial| trial.no).collect();
            prop_assert_eq!(both.len(), before.len() + after.len());
        }
    }

    #[test]
    fn plans_are_read_as_written() {
        let plan = plan(3, 2, 5);
        let mut stored = ExperimentPlan::from_text(&plan.text().unwrap()).unwrap();
        // Prompts are stored in their own field.
        assert_eq!(stored.prompt.as_deref(), Some("why?"));
        stored.options.prompt.clone_from(&plan.options.prompt);
        assert_eq!(stored, plan);
    }

    #[test]
    fn plans_of_other_versions_are_not_read() {
        let text = plan(1, 1, 0).text().unwrap();
        let other = text.replacen("\"version\":1", "\"version\":99", 1);
        assert_ne!(text, other);
        for (text, fault) in [
            (other.as_str(), "version is 99"),
            ("{", "damaged"),
            ("", "damaged"),
        ] {
            let error = ExperimentPlan::from_text(text).unwrap_err().to_string();
            assert!(error.contains(fault), "{error}");
        }
    }

    #[test]
    fn texts_are_stored_only_if_wanted() {
        let mut plan = plan(1, 1, 0);
        assert!(plan.text().unwrap().contains("be brief"));
        plan.options.recording.keep_text = false;
        let factors = FactorOptions::default();
        let (engine, sweep) = (EngineOptions::default(), SweepOptions::default());
        let options = RunOptions {
            prompt: "why?".into(),
            ..plan.options.clone()
        };
        let plan = ExperimentPlan::new("e".into(), &options, &factors, &engine, &sweep);
        let text = plan.text().unwrap();
        assert!(
            !text.contains("be brief") && !text.contains("why?"),
            "{text}"
        );
        assert_eq!(plan.prompt_sha256, Some(sha256_of(b"why?")));
        assert_eq!(plan.system_sha256, Some(sha256_of(b"be brief")));
    }
}
