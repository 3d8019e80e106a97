//! Configuration that is stored with a run.

use std::collections::BTreeMap;

use energy_models::{DeviceSync, ModelInfo, device};
use serde::Serialize;
use serde_json::Value;

use super::options::name;
use super::{RunOptions, ThresholdKind, sha256_of};

/// Version of [`RunConfig`]; increased when a field is removed or changes its meaning.
const VERSION: u32 = 1;

/// Configuration of a run. [`StoredConfig`](crate::query::StoredConfig) reads the part of it
/// that this crate uses.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct RunConfig {
    version: u32,
    #[serde(flatten)]
    loaded: Option<LoadedConfig>,
    /// Largest size of the key-value cache, known at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kv_cache_bytes: Option<usize>,
    /// Use of the context by the longest sequence, known at the end.
    #[serde(flatten)]
    pub(super) context: Option<ContextUse>,
    /// Sequences of batches, known at the end; empty without batches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) rows: Vec<RowConfig>,
}

/// Use of the context.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct ContextUse {
    /// Positions in the key-value cache at the end.
    pub(super) kv_positions: usize,
    /// Most positions that it can hold.
    pub(super) kv_limit: usize,
    /// Used share of the limit, from 0 to 1.
    pub(super) kv_share: f64,
}

/// One sequence of a batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct RowConfig {
    /// Index of the batch, from 0.
    pub(super) batch: usize,
    /// Index within it, from 0.
    pub(super) row: usize,
    pub(super) input_tokens: usize,
    pub(super) output_tokens: usize,
    pub(super) stop: &'static str,
    /// Bytes of its key-value cache at the end.
    pub(super) kv_cache_bytes: usize,
}

/// The model and its use.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct LoadedConfig {
    architecture: String,
    assumed: Vec<String>,
    layers: usize,
    width: usize,
    hidden: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    window: Option<usize>,
    windowed_layers: usize,
    vocab: usize,
    parameters: u64,
    embedding_parameters: u64,
    attention_parameters: u64,
    mlp_parameters: u64,
    /// Mixture of experts; none of its fields are there for other models.
    #[serde(flatten)]
    experts: Option<ExpertsConfig>,
    context_length: usize,
    attention: &'static str,
    queries_per_kv_head: usize,
    flops_per_token: u64,
    flops_per_position: u64,
    kv_bytes_per_token: u64,
    weight_bytes: usize,
    packed_bytes: usize,
    prefill_bytes: usize,
    device: String,
    /// Spans that wait for a device other than the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    sync: Option<&'static str>,
    /// Whether program and device never work at the same time; absent on the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    serialized: Option<bool>,
    threads: usize,
    depth: &'static str,
    /// Sequences at once: those of the largest batch.
    batch: usize,
    /// Requested number of sequences at once; absent if it is `batch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_batch: Option<usize>,
    /// Number format of the key-value cache.
    cache: String,
    model_sha256: String,
    /// Conversion of weights.
    requantize: String,
    /// Requested number of tokens of a made prompt; absent if the prompt was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens: Option<usize>,
    /// Labels of the configuration.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    max_tokens: usize,
    temperature: f32,
    top_k: Option<usize>,
    top_p: Option<f32>,
    min_p: Option<f32>,
    seed: u64,
    repeat_penalty: f32,
    /// Whether end tokens were ignored.
    ignore_eos: bool,
    raw: bool,
    /// Texts that end an answer.
    stop: Vec<String>,
    /// Variables of the chat template.
    chat: BTreeMap<String, Value>,
    /// System turn, if texts are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<String>,
    /// Identifies runs with the same system turn although its text is not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    system_sha256: Option<String>,
    prompts: usize,
    /// Identifies runs with the same prompt although its text is not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_sha256: Option<String>,
    /// Sets of statistics.
    statistics: Vec<String>,
    /// Thresholds of activations, of attention weights, and of `zero_ratio`.
    statistics_threshold: Option<f32>,
    statistics_weight_threshold: Option<f32>,
    statistics_zero_threshold: Option<f32>,
}

/// Experts of the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct ExpertsConfig {
    /// Experts in each layer with experts.
    num_experts: usize,
    /// Experts that each token uses.
    num_experts_per_token: usize,
    /// Layers with experts.
    expert_layers: usize,
    /// Parameters of the experts that tokens choose.
    expert_parameters: u64,
    /// Parameters that one token uses.
    active_parameters: u64,
}

impl ExpertsConfig {
    fn of(info: &ModelInfo) -> Option<Self> {
        let experts = info.experts?;
        Some(Self {
            num_experts: experts.count,
            num_experts_per_token: experts.active,
            expert_layers: experts.layers,
            expert_parameters: info.parts.experts,
            active_parameters: info.active_parameters,
        })
    }
}

/// Returns a variable with its value: JSON, or else text.
fn variable((key, value): &(String, String)) -> (String, Value) {
    let parsed = serde_json::from_str(value);
    (
        key.clone(),
        parsed.unwrap_or_else(|_| Value::from(value.as_str())),
    )
}

impl RunConfig {
    /// Returns the configuration with the loaded model.
    pub(super) fn of_model(options: &RunOptions, info: &ModelInfo, checksum: &str) -> Self {
        let keep_text = options.recording.keep_text;
        let stats = &options.stats;
        let batch = options.largest_batch();
        let threshold = |kind| stats.is_enabled().then(|| stats.threshold(kind));
        let is_cpu = info.device == super::options::cpu();
        let sync = options.sync.unwrap_or_default().of_model();
        let sync = (!is_cpu).then_some(sync);
        let loaded = LoadedConfig {
            architecture: info.architecture.clone(),
            assumed: info.assumed.clone(),
            layers: info.layers,
            width: info.width,
            hidden: info.hidden,
            heads: info.heads,
            kv_heads: info.kv_heads,
            head_dim: info.head_dim,
            window: info.window,
            windowed_layers: info.windowed_layers,
            vocab: info.vocab,
            parameters: info.parameters,
            embedding_parameters: info.parts.embedding,
            attention_parameters: info.parts.attention,
            mlp_parameters: info.parts.mlp,
            experts: ExpertsConfig::of(info),
            context_length: info.context_length,
            attention: info.attention_kind(),
            queries_per_kv_head: info.queries_per_kv_head(),
            flops_per_token: info.flops_per_token(),
            flops_per_position: info.flops_per_position(),
            kv_bytes_per_token: info.kv_bytes_per_token(),
            weight_bytes: info.weight_bytes,
            packed_bytes: info.packed_bytes,
            prefill_bytes: info.prefill_bytes,
            device: info.device.clone(),
            sync: sync.map(DeviceSync::as_str),
            serialized: sync.map(DeviceSync::is_serialized),
            threads: device::threads(),
            depth: options.depth.of_model().as_str(),
            batch,
            requested_batch: (batch != options.batch).then_some(options.batch),
            cache: name(&options.cache),
            model_sha256: checksum.to_owned(),
            requantize: name(&options.requantize),
            prompt_tokens: options.prompt_tokens,
            labels: options.labels.clone(),
            max_tokens: options.max_tokens,
            temperature: options.temperature,
            top_k: options.top_k,
            top_p: options.top_p,
            min_p: options.min_p,
            seed: options.seed,
            repeat_penalty: options.repeat_penalty,
            ignore_eos: options.ignore_eos,
            raw: options.raw,
            stop: options.stop.clone(),
            chat: options.chat.iter().map(variable).collect(),
            system: options.system.clone().filter(|_| keep_text),
            system_sha256: options.system_sha256().filter(|_| !keep_text),
            prompts: options.prompts().len(),
            prompt_sha256: (!keep_text || !options.is_prompt_stored)
                .then(|| sha256_of(options.prompt.as_bytes())),
            statistics: options.stats.names(),
            statistics_threshold: threshold(ThresholdKind::Activations),
            statistics_weight_threshold: threshold(ThresholdKind::Weights),
            statistics_zero_threshold: threshold(ThresholdKind::Zero),
        };
        Self {
            version: VERSION,
            loaded: Some(loaded),
            ..Self::default()
        }
    }

    /// Returns the JSON text, with sorted keys.
    pub(super) fn text(&self) -> Option<String> {
        // As text first: a value of 32 bits keeps its shortest form, 0.8, which it loses as 64 bits.
        let text = serde_json::to_string(self).ok()?;
        let sorted: Value = serde_json::from_str(&text).ok()?;
        Some(sorted.to_string())
    }
}
