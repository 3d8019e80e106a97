//! Options of a run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde::{Deserialize, Serialize};
use tracing_energy::Method;

use crate::options::{RecordingOptions, as_optional_text};
use crate::program::SYSTEM_TURN;

use super::statistics_options::StatisticsOptions;
#[cfg(any(feature = "inference", feature = "serve"))]
pub(crate) use super::value_name::name;
pub(crate) use super::value_name::name as value_name;

/// Granularity of spans.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    clap::ValueEnum,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum SpanDepth {
    /// The run, its phases and tokens
    Phase,
    /// Also sections and layers
    Layer,
    /// Also norms, projections, attention and MLP of each layer
    #[default]
    Module,
    /// Single operations, with fused kernels replaced by separate ones
    Deep,
}

/// Conversion of weights when they are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightConversion {
    /// Convert formats without fast kernels to q8_0
    #[default]
    Auto,
    /// Keep the format of the file
    None,
    /// Convert all to q8_0
    #[value(name = "q8_0")]
    #[serde(rename = "q8_0")]
    Q8_0,
    /// Convert all to f32
    F32,
}

/// Weights used for passes over several positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrefillWeights {
    /// Those of decode
    #[default]
    Same,
    /// Additional f32 weights: faster and more accurate, but more memory
    F32,
}

/// Number format of the key-value cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheNumbers {
    /// 4 bytes per number, exact
    #[default]
    F32,
    /// 2 bytes per number
    F16,
    /// 1 byte per number and 2 for each block of 32
    #[value(name = "q8_0")]
    #[serde(rename = "q8_0")]
    Q8_0,
}

/// Most prompts that are processed at once.
pub(crate) const LARGEST_BATCH: u64 = 256;

/// Spans that end only when the device has done their work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingSpans {
    /// Every span: program and device alternate, which takes longer
    Op,
    /// Layers and sections
    #[default]
    Layer,
    /// None within a token; times of operations are the device's, if it has them
    Token,
}

/// Options of one run. [Factors](crate::experiment::FactorOptions) set the skipped ones from the
/// command line.
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
pub struct RunOptions {
    /// Prompt for the model
    #[arg(value_name = "PROMPT", default_value_t = Self::default().prompt)]
    #[serde(skip)]
    pub prompt: String,
    /// Treat each line as a separate prompt; all are processed in one run
    #[arg(long)]
    pub each_line: bool,
    /// Sequences that are decoded together: N lines at a time with `each_line`; otherwise N answers
    /// to the prompt, with the seeds `seed`, `seed + 1`, ... (equal at temperature 0).
    #[arg(skip = Self::default().batch)]
    #[serde(default = "one")]
    pub batch: usize,
    /// Number of tokens of a made prompt; `None` if the prompt is given.
    #[arg(skip)]
    #[serde(default)]
    pub prompt_tokens: Option<usize>,
    /// Continue the prompt without the chat template
    #[arg(long)]
    pub raw: bool,
    /// System turn before the prompt [default: the template's own]
    #[arg(long, value_name = "TEXT", conflicts_with = "raw", env = SYSTEM_TURN, hide_env = true)]
    #[serde(default)]
    pub system: Option<String>,
    /// Variable of the chat template, e.g. enable_thinking=false; a value is JSON, or else text
    /// (repeatable) [default: none]
    #[arg(long = "chat", value_name = "KEY=VALUE", value_parser = parse_variable,
          conflicts_with = "raw")]
    #[serde(default)]
    pub chat: Vec<(String, String)>,
    /// Stop at this text and leave it out; a control token is named by its text (repeatable)
    /// [default: none]
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    #[serde(default)]
    pub stop: Vec<String>,
    /// Name or path of the model.
    #[arg(skip = Self::default().model)]
    pub model: String,
    /// Conversion of weights.
    #[arg(skip)]
    pub requantize: WeightConversion,
    /// Granularity of spans.
    #[arg(skip)]
    pub depth: SpanDepth,
    /// Maximum number of generated tokens.
    #[arg(skip = Self::default().max_tokens)]
    pub max_tokens: usize,
    /// Weights used for the prompt
    #[arg(long, value_name = "WEIGHTS", value_enum, default_value_t)]
    pub prefill: PrefillWeights,
    /// Number format of the key-value cache.
    #[arg(skip)]
    #[serde(default)]
    pub cache: CacheNumbers,
    /// Device of the tensors: cpu, cuda, cuda:N (its number from 0) or metal.
    #[arg(skip = cpu())]
    #[serde(default = "cpu")]
    pub device: String,
    /// Number of compute threads; `None` for that of the environment.
    #[arg(skip)]
    #[serde(default)]
    pub threads: Option<usize>,
    /// Spans that end only when the GPU has done their work [default: layer]
    #[arg(long, value_name = "SPANS", value_enum)]
    #[serde(default)]
    pub sync: Option<WaitingSpans>,
    /// Run a model of an unknown architecture as a plain decoder, and ignore unknown settings;
    /// its answers are wrong if an assumption does not hold
    #[arg(long)]
    #[serde(default)]
    pub assume: bool,
    /// Sampling temperature (0 selects the most likely token)
    #[arg(long, allow_negative_numbers = true, value_name = "T", default_value_t = Self::default().temperature)]
    pub temperature: f32,
    /// Number of most likely tokens to sample from [default: all]
    #[arg(long, value_name = "N")]
    pub top_k: Option<usize>,
    /// Cumulative probability of the most likely tokens to sample from [default: 1]
    #[arg(long, allow_negative_numbers = true, value_name = "P")]
    pub top_p: Option<f32>,
    /// Drop tokens that are less likely than P times the most likely one, e.g. 0.05 [default: 0]
    #[arg(long, allow_negative_numbers = true, value_name = "P")]
    #[serde(default)]
    pub min_p: Option<f32>,
    /// Seed of sampling
    #[arg(long, value_name = "N", default_value_t = Self::default().seed)]
    pub seed: u64,
    /// Penalty for repeating one of the last 64 tokens, e.g. 1.1 (1 disables it)
    #[arg(long, allow_negative_numbers = true, value_name = "X", default_value_t = Self::default().repeat_penalty)]
    pub repeat_penalty: f32,
    /// Ignore end tokens, so that answers have their maximum length
    #[arg(long)]
    #[serde(default)]
    pub ignore_eos: bool,
    /// Statistics of activations and attention.
    #[command(flatten)]
    pub stats: StatisticsOptions,
    /// Number of generations before the measured one, in each process: a span `warm_up` records their
    /// energy, outside of the totals of inference. Engine http: requests to the server. Engine
    /// command: executions of the command line, which are not recorded
    #[arg(long, value_name = "N", default_value_t = Self::default().warmup)]
    pub warmup: usize,
    /// Attribution method: proportional or fitted [default: fitted if power is measured]
    #[arg(long, value_name = "METHOD", value_parser = parse_method)]
    #[serde(with = "as_optional_text")]
    pub method: Option<Method>,
    /// Power, idle baseline and labels.
    #[command(flatten)]
    pub recording: RecordingOptions,
    /// Chrome trace to write while recording [default: none]
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub chrome: Option<PathBuf>,
    /// Whether the prompt is stored with the run. It is not if the plan of its experiment holds it.
    #[arg(skip = true)]
    #[serde(skip, default = "yes")]
    pub is_prompt_stored: bool,
    /// Labels of the configuration, which are stored with the run.
    #[arg(skip)]
    #[serde(skip)]
    pub labels: BTreeMap<String, String>,
    /// Id of the run, a UUID; a new one if it is `None`.
    #[arg(skip)]
    #[serde(skip)]
    pub run_id: Option<String>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            prompt: "Explain in a few sentences why the sky is blue.".to_owned(),
            each_line: false,
            batch: one(),
            prompt_tokens: None,
            raw: false,
            system: None,
            chat: Vec::new(),
            stop: Vec::new(),
            model: super::SMOLLM2.name.to_owned(),
            requantize: WeightConversion::default(),
            depth: SpanDepth::default(),
            max_tokens: 128,
            prefill: PrefillWeights::default(),
            cache: CacheNumbers::default(),
            device: cpu(),
            threads: None,
            sync: None,
            assume: false,
            temperature: 0.0,
            top_k: None,
            top_p: None,
            min_p: None,
            seed: 0,
            repeat_penalty: 1.0,
            ignore_eos: false,
            stats: StatisticsOptions::default(),
            warmup: 0,
            method: None,
            recording: RecordingOptions::default(),
            chrome: None,
            is_prompt_stored: true,
            labels: BTreeMap::new(),
            run_id: None,
        }
    }
}

impl RunOptions {
    /// Returns the checksum of the system turn, if there is one.
    pub(crate) fn system_sha256(&self) -> Option<String> {
        let text = self.system.as_ref()?;
        Some(crate::checksum::sha256_of(text.as_bytes()))
    }

    /// Returns the prompts in order.
    pub fn prompts(&self) -> Vec<&str> {
        let lines = || self.prompt.lines().filter(|line| !line.trim().is_empty());
        match self.each_line {
            true => lines().collect(),
            false => vec![&self.prompt; self.batch],
        }
    }

    /// Returns the prompts of each batch, with their seeds.
    pub fn batches(&self) -> Vec<Vec<(&str, u64)>> {
        let seed = |row: usize| match self.each_line {
            true => self.seed,
            false => self.seed.wrapping_add(row as u64),
        };
        let prompts = self.prompts().into_iter().enumerate();
        let prompts: Vec<(&str, u64)> = prompts.map(|(row, text)| (text, seed(row))).collect();
        let batches = prompts.chunks(self.batch.max(1));
        batches.map(<[_]>::to_vec).collect()
    }

    /// Returns the number of sequences of the largest batch: fewer than requested if there are fewer
    /// prompts.
    pub fn largest_batch(&self) -> usize {
        let sizes = self.batches().into_iter().map(|batch| batch.len());
        sizes.max().unwrap_or(1)
    }
}

const fn one() -> usize {
    1
}

const fn yes() -> bool {
    true
}

/// Parses the size of a batch.
///
/// # Errors
/// If it is no number from 1 to 256.
#[cfg_attr(not(feature = "serve"), allow(dead_code))]
pub(crate) fn parse_batch(text: &str) -> Result<usize, String> {
    let batch = text.parse().ok();
    let batch = batch.filter(|batch| (1..=LARGEST_BATCH).contains(batch));
    let batch = batch.and_then(|batch| usize::try_from(batch).ok());
    batch.ok_or_else(|| format!("use a number from 1 to {LARGEST_BATCH}"))
}

/// Returns the name of the device that every machine has.
pub(crate) fn cpu() -> String {
    "cpu".to_owned()
}

/// Parses the name of a device. Whether this build and machine have it is known later.
///
/// # Errors
/// Describes the accepted values.
pub(crate) fn parse_device(text: &str) -> Result<String, String> {
    let is_cuda = |rest: &str| {
        let number = rest.strip_prefix(':');
        rest.is_empty() || number.is_some_and(|number| number.parse::<u16>().is_ok())
    };
    match text.strip_prefix("cuda") {
        Some(rest) if is_cuda(rest) => Ok(text.to_owned()),
        None if ["cpu", "metal"].contains(&text) => Ok(text.to_owned()),
        _ => Err("use cpu, cuda, cuda:N (its number from 0) or metal".to_owned()),
    }
}

/// Parses a variable of the chat template.
///
/// # Errors
/// If it has no name or no value.
pub(crate) fn parse_variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("use KEY=VALUE, e.g. enable_thinking=false".to_owned()),
    }
}

/// Parses the name of a method that needs no input other than the run.
///
/// # Errors
/// Describes the accepted values, or the alternative.
pub fn parse_method(text: &str) -> Result<Method, String> {
    match text.parse()? {
        Method::Calibrated => {
            Err("record first, then use `energy attribute --method calibrated`".to_owned())
        }
        method => Ok(method),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_or_refused() {
        for name in ["cpu", "cuda", "cuda:0", "cuda:3", "metal"] {
            assert_eq!(parse_device(name), Ok(name.to_owned()));
        }
        for name in ["", "gpu", "cpu:0", "cuda:", "cuda0", "cuda:-1", "metal:x"] {
            assert!(parse_device(name).is_err(), "{name}");
        }
    }
}
