//! Time and energy of an experiment before it is executed, from past runs.

use std::time::Duration;

use energy_data::rows::RunStatus;
use serde_json::{Map, Value};

use super::config::TrialConfig;
use super::factor_options::LabelledConfig;
use super::plan::ExperimentPlan;
use crate::checksum::sha256_of;
use crate::engine::engine;
use crate::error::Result;
use crate::query::{self, Recording, Run, RunListEntry, StoredConfig};
use crate::run::options::value_name;

/// Expected time and energy of an experiment. Sums are those of the configurations with past
/// runs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SweepEstimate {
    /// Number of configurations.
    pub configs: usize,
    /// Number of runs.
    pub runs: usize,
    /// Number of configurations of which past runs are known.
    pub known_configs: usize,
    /// Time of the runs of these, without pauses; `None` if there are none.
    pub time: Option<Duration>,
    /// Energy of the runs of these in joules; `None` if it is not known of any.
    pub energy_j: Option<f64>,
    /// Longest time of all pauses.
    pub pauses: Duration,
}

/// A past run with what identifies its configuration.
struct PastRun {
    config: StoredConfig,
    /// All fields of its configuration.
    fields: Map<String, Value>,
    engine: Option<String>,
    /// Requested sequences at once.
    batch: Option<i64>,
    prompt_sha256: Option<String>,
    time: Duration,
    energy_j: Option<f64>,
}

/// Estimates time and energy from past runs with equal configurations on this machine.
/// `recording` is `None` if the file does not exist.
///
/// # Errors
/// If the file cannot be read.
pub fn estimate(
    recording: Option<&Recording>,
    plan: &ExperimentPlan,
    configs: &[LabelledConfig],
) -> Result<SweepEstimate> {
    let past = match recording {
        Some(recording) => past_runs(recording)?,
        None => Vec::new(),
    };
    let runs = configs.len().saturating_mul(plan.repeat);
    let pauses = u32::try_from(runs.saturating_sub(1)).unwrap_or(u32::MAX);
    let mut estimate = SweepEstimate {
        configs: configs.len(),
        runs,
        pauses: plan.cooldown().saturating_mul(pauses),
        ..SweepEstimate::default()
    };
    for config in configs {
        let config = &config.config;
        let fields = engine(&config.engine)?.stored_fields(plan, config)?;
        let is_same = |run: &&PastRun| {
            run.is_of_program(config, fields.as_ref())
                && run.is_of_use(config, plan.prompt_sha256.as_deref())
        };
        let same: Vec<&PastRun> = past.iter().filter(is_same).collect();
        let count = same.len();
        if count == 0 {
            continue;
        }
        estimate.known_configs += 1;
        let time: Duration = same.iter().map(|run| run.time).sum();
        let repeats = u32::try_from(plan.repeat).unwrap_or(u32::MAX);
        let mean = time / u32::try_from(count).unwrap_or(u32::MAX);
        let sum = estimate.time.unwrap_or_default();
        estimate.time = Some(sum.saturating_add(mean.saturating_mul(repeats)));
        let energies: Vec<f64> = same.iter().filter_map(|run| run.energy_j).collect();
        if !energies.is_empty() {
            let mean = energies.iter().sum::<f64>() / energies.len() as f64;
            *estimate.energy_j.get_or_insert_default() += mean * plan.repeat as f64;
        }
    }
    Ok(estimate)
}

/// Reads the complete runs that were recorded on this machine.
fn past_runs(recording: &Recording) -> Result<Vec<PastRun>> {
    let host = energy_host::Host::here().id;
    let listed = query::list(recording)?;
    let entry = |run: &Run| listed.iter().find(|entry| entry.no == run.no);
    let is_usable = |run: &Run| {
        run.row.status == RunStatus::Complete
            && run.row.host_id == host
            && !query::is_replaced(run.row.metadata.tags.iter().map(|(key, _)| key))
    };
    let runs = recording.runs()?.into_iter().filter(is_usable);
    Ok(runs
        .filter_map(|run| past_run(&run, entry(&run)?))
        .collect())
}

fn past_run(run: &Run, entry: &RunListEntry) -> Option<PastRun> {
    let ns = u64::try_from(run.row.end_ns?).ok()?;
    let metadata = &run.row.metadata;
    let config = StoredConfig::of(metadata);
    let fields = metadata.config.as_deref();
    let fields = fields.and_then(|text| serde_json::from_str(text).ok());
    Some(PastRun {
        fields: fields.unwrap_or_default(),
        engine: metadata.engine.clone(),
        batch: config
            .requested_batch
            .and_then(|count| i64::try_from(count).ok())
            .or(metadata.batch),
        prompt_sha256: config
            .prompt_sha256
            .clone()
            .or_else(|| Some(sha256_of(metadata.prompt.as_ref()?.as_bytes()))),
        time: Duration::from_nanos(ns),
        energy_j: entry.recorded_j.or(entry.energy_j),
        config,
    })
}

impl PastRun {
    /// Returns whether the run was made by the program of this configuration. `fields` are those by
    /// which its engine recognizes it. A server states its own name as engine, and other programs state
    /// no conversion of weights, so that these are compared for the engine without such fields only.
    fn is_of_program(&self, config: &TrialConfig, fields: Option<&Map<String, Value>>) -> bool {
        let own = &self.config;
        if let Some(fields) = fields {
            let is_same = |(name, value): (&String, &Value)| self.fields.get(name) == Some(value);
            return own.model_sha256 == config.model_sha256 && fields.iter().all(is_same);
        }
        self.engine.as_deref() == Some(config.engine.as_str())
            && own.model_sha256.is_some()
            && own.model_sha256 == config.model_sha256
            && own.requantize.as_deref() == Some(&value_name(&config.requantize))
            && own.device.as_deref() == Some(&config.device)
            && own.depth.as_deref() == Some(&value_name(&config.depth))
            // Runs without this field had the default.
            && own.cache.as_deref().unwrap_or("f32") == value_name(&config.cache)
    }

    /// Returns whether the run has the numbers of this configuration. A factor that is not set matches
    /// all values.
    fn is_of_use(&self, config: &TrialConfig, prompt_sha256: Option<&str>) -> bool {
        let own = &self.config;
        let whole = |number: usize| u64::try_from(number).ok();
        let is_same_prompt = match config.prompt_tokens {
            Some(tokens) => own.prompt_tokens == whole(tokens),
            None => self.prompt_sha256.as_deref() == prompt_sha256,
        };
        let threads = config
            .threads
            .and_then(|threads| u32::try_from(threads).ok());
        own.max_tokens == whole(config.max_tokens)
            && self.batch == i64::try_from(config.batch).ok()
            && (threads.is_none() || own.threads == threads)
            && is_same_prompt
    }
}
