//! Rows of a table: one for each configuration.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::analyse::{MeanInterval, mean_interval};
use crate::query::{ConfigurationKey, RunConfiguration, RunFacts, StoredQuality};

/// Confidence of intervals.
const CONFIDENCE: f64 = 0.90;

/// Origin of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlusMinus {
    /// Scatter of repeats: Student's interval of their geometric mean.
    Runs,
    /// Samples of a single run: gaps, and windows across its ends.
    Samples,
}

/// A configuration with the means of its runs. Energies are those of the whole measured work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigurationRow {
    /// Name of the model.
    pub model: Option<String>,
    /// SHA-256 of its file.
    pub model_sha256: Option<String>,
    /// Parameters.
    pub parameters: Option<u64>,
    /// Parameters used per token.
    pub active_parameters: Option<u64>,
    /// Number format of the weights.
    pub precision: Option<String>,
    /// Program that ran the model.
    pub engine: Option<String>,
    /// Device of the tensors.
    pub device: Option<String>,
    /// Compute threads.
    pub threads: Option<u32>,
    /// Processor.
    pub chip: Option<String>,
    /// Sequences at once.
    pub batch: Option<i64>,
    /// Prompt tokens of each sequence.
    pub prompt_tokens: Option<i64>,
    /// Generated tokens of each sequence, on average.
    pub output_tokens: Option<f64>,
    /// Labels of the configuration.
    pub labels: BTreeMap<String, String>,
    /// Form of the prompt.
    pub prompt_form: Option<String>,
    /// How tokens are selected.
    pub sampling: Option<String>,
    /// Number of runs.
    pub runs: usize,
    /// Prompts of each run, or sequences of its batches; `None` if runs have different numbers.
    pub prompts: Option<i64>,
    /// Energy of a run; `None` if runs have different numbers of prompts.
    pub energy_j: Option<f64>,
    /// Energy before decode, in the same way.
    pub prefill_j: Option<f64>,
    /// Energy of decode and after it, in the same way.
    pub decode_j: Option<f64>,
    /// Energy of a run over its number of prompts.
    pub j_per_prompt: Option<f64>,
    /// Energy before decode per prompt token.
    pub j_per_input_token: Option<f64>,
    /// Energy of decode and after it per generated token.
    pub j_per_output_token: Option<f64>,
    /// Energy per token, prompt and generated.
    pub j_per_token: Option<f64>,
    /// Lower end of its 90 % interval.
    pub j_per_token_lo: Option<f64>,
    /// Upper end.
    pub j_per_token_hi: Option<f64>,
    /// Half of the interval's width over the value.
    pub relative_half_interval: Option<f64>,
    /// Origin of the interval.
    pub interval_of: Option<PlusMinus>,
    /// Tokens per second of decode.
    pub tokens_per_s: Option<f64>,
    /// Time until the first token, in ms.
    pub ttft_ms: Option<f64>,
    /// Time per token after the first, in ms.
    pub tpot_ms: Option<f64>,
    /// Mean power.
    pub avg_w: Option<f64>,
    /// Highest power of any run.
    pub peak_w: Option<f64>,
    /// Mean power over the thermal design power of the processor.
    pub tdp_share: Option<f64>,
    /// Longest time between samples, in ms.
    pub sample_interval_ms: Option<f64>,
    /// Samples of all runs.
    pub samples: Option<i64>,
    /// Lowest share of the time that samples cover.
    pub coverage: Option<f64>,
    /// Origin of the power: measured, modelled or replayed.
    pub provenance: Option<String>,
    /// Method of the attribution.
    pub attribution: Option<String>,
    /// Basis of the energies.
    pub basis: Option<String>,
    /// Quality of the model's answers, if it was computed.
    pub quality: Option<StoredQuality>,
    /// In what it differs from other rows besides the other columns.
    #[serde(skip)]
    pub other_settings: String,
    /// Conditions that were the same at the start of all runs.
    pub conditions: BTreeMap<String, String>,
}

impl ConfigurationRow {
    /// Computes the row of a configuration.
    pub fn of(one: &RunConfiguration) -> Self {
        let runs = one.runs.as_slice();
        let mean = |of: fn(&RunFacts) -> Option<f64>| {
            let values: Option<Vec<f64>> = runs.iter().map(of).collect();
            mean_interval(&values?, CONFIDENCE)
        };
        let value = |of: fn(&RunFacts) -> Option<f64>| mean(of).map(|mean| mean.value);
        let milliseconds = |ns: Option<f64>| ns.map(|ns| ns / 1e6);
        let per_token = mean(|run| run.results.j_per_token);
        let (ends, interval_of) = interval(runs, per_token);
        let prompts = prompts(runs);
        // Energies of runs are only comparable if the runs have equal work.
        let of_run = |of: fn(&RunFacts) -> Option<f64>| prompts.and_then(|_| value(of));
        let ConfigurationKey { labels, .. } = &one.key;
        let first = one.first();
        let same = |of: fn(&RunFacts) -> Option<String>| {
            let value = first.and_then(of);
            runs.iter()
                .all(|run| of(run) == value)
                .then_some(value)
                .flatten()
        };
        Self {
            model: one.key.model.clone(),
            model_sha256: one.key.model_sha256.clone(),
            parameters: first.and_then(|run| run.shape.parameters),
            active_parameters: first.and_then(|run| run.shape.active_parameters),
            precision: one.key.precision.clone(),
            engine: one.key.engine.clone(),
            device: one.key.device.clone(),
            threads: one.key.threads,
            chip: one.key.chip.clone(),
            batch: one.key.batch,
            prompt_tokens: one.key.prompt_tokens,
            output_tokens: average(runs, RunFacts::output_per_sequence),
            labels: labels.clone(),
            prompt_form: one.key.prompt_form.clone(),
            sampling: one.key.sampling.clone(),
            runs: runs.len(),
            prompts,
            energy_j: of_run(|run| run.results.energy_j),
            prefill_j: of_run(|run| run.results.prefill_j),
            decode_j: of_run(|run| run.results.decode_j),
            j_per_prompt: value(|run| {
                let prompts = run.sequences.filter(|count| *count > 0)?;
                Some(run.results.energy_j? / prompts as f64)
            }),
            j_per_input_token: value(|run| run.results.j_per_input_token),
            j_per_output_token: value(|run| run.results.j_per_output_token),
            j_per_token: per_token.map(|mean| mean.value),
            j_per_token_lo: ends.map(|(lo, _)| lo),
            j_per_token_hi: ends.map(|(_, hi)| hi),
            relative_half_interval: ends
                .zip(per_token)
                .map(|((lo, hi), mean)| (hi - lo) / 2.0 / mean.value),
            interval_of,
            tokens_per_s: value(|run| run.results.tokens_per_s),
            ttft_ms: milliseconds(value(|run| run.results.ttft_ns)),
            tpot_ms: milliseconds(value(|run| run.results.tpot_ns)),
            avg_w: value(|run| run.results.avg_w),
            peak_w: extreme(runs, |run| run.results.peak_w, f64::max),
            tdp_share: value(|run| run.results.tdp_share),
            sample_interval_ms: milliseconds(extreme(
                runs,
                |run| run.results.interval_ns.map(|ns| ns as f64),
                f64::max,
            )),
            samples: runs.iter().map(|run| run.results.samples).sum(),
            coverage: extreme(runs, |run| run.results.coverage, f64::min),
            provenance: one.key.provenance.clone(),
            attribution: one.key.attribution.clone(),
            basis: same(|run| run.results.basis.clone()),
            quality: first
                .and_then(|run| run.quality.clone())
                .filter(|quality| runs.iter().all(|run| run.quality.as_ref() == Some(quality))),
            other_settings: String::new(),
            conditions: common_conditions(runs),
        }
    }
}

/// Returns the number of prompts of each run, if it is the same.
fn prompts(runs: &[RunFacts]) -> Option<i64> {
    let first = runs.first()?.sequences?;
    let is_same = runs.iter().all(|run| run.sequences == Some(first));
    is_same.then_some(first)
}

/// Returns the interval of the energy per token: of repeats, or of a single run's samples.
fn interval(
    runs: &[RunFacts],
    mean: Option<MeanInterval>,
) -> (Option<(f64, f64)>, Option<PlusMinus>) {
    let of_runs = mean.and_then(|mean| mean.lo.zip(mean.hi));
    if of_runs.is_some() {
        return (of_runs, Some(PlusMinus::Runs));
    }
    let of_samples = match runs {
        [only] => {
            let per = |end: Option<f64>| Some(end? / only.tokens()?);
            per(only.results.lo_j).zip(per(only.results.hi_j))
        }
        _ => None,
    };
    (of_samples, of_samples.map(|_| PlusMinus::Samples))
}

/// Returns the arithmetic mean, which is exact for equal counts.
fn average(runs: &[RunFacts], of: fn(&RunFacts) -> Option<f64>) -> Option<f64> {
    let values: Option<Vec<f64>> = runs.iter().map(of).collect();
    let values = values.filter(|values| !values.is_empty())?;
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// Returns the highest or lowest value of all runs; `None` if one is unknown.
fn extreme(
    runs: &[RunFacts],
    of: fn(&RunFacts) -> Option<f64>,
    pick: fn(f64, f64) -> f64,
) -> Option<f64> {
    let values: Option<Vec<f64>> = runs.iter().map(of).collect();
    values?.into_iter().reduce(pick)
}

/// Returns the conditions that all runs share.
fn common_conditions(runs: &[RunFacts]) -> BTreeMap<String, String> {
    let Some((first, others)) = runs.split_first() else {
        return BTreeMap::new();
    };
    let is_common = |(key, value): &(&String, &String)| {
        others
            .iter()
            .all(|run| run.conditions.get(*key) == Some(*value))
    };
    let common = first.conditions.iter().filter(is_common);
    common
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
