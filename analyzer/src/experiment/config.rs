//! One configuration: a value of each factor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::run::{CacheNumbers, RunOptions, SpanDepth, WeightConversion};

/// Values of all factors. It identifies a configuration, and is stored with each trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrialConfig {
    /// Name of the [engine](crate::engine::Engine).
    pub engine: String,
    /// Name or path of the model.
    pub model: String,
    /// SHA-256 of the model's files when the experiment began; `None` if the engine has none.
    pub model_sha256: Option<String>,
    /// Conversion of weights.
    pub requantize: WeightConversion,
    /// Tokens of a made prompt; `None` if the prompt is given.
    pub prompt_tokens: Option<usize>,
    /// Largest number of generated tokens.
    pub max_tokens: usize,
    /// Sequences at once.
    pub batch: usize,
    /// Granularity of spans.
    pub depth: SpanDepth,
    /// Compute threads; `None` for the engine's default.
    pub threads: Option<usize>,
    /// Device of the tensors.
    pub device: String,
    /// Number format of the key-value cache.
    pub cache: CacheNumbers,
    /// Address of a server; `None` for engines without one.
    pub endpoint: Option<String>,
    /// Values that the engine's command line can use, such as `tp=2`.
    pub labels: BTreeMap<String, String>,
}

/// Name of the engine that is used by default.
pub(crate) const DEFAULT_ENGINE: &str = "candle";

impl Default for TrialConfig {
    fn default() -> Self {
        Self::of(&RunOptions::default())
    }
}

impl TrialConfig {
    /// Returns the configuration of a single run.
    pub fn of(options: &RunOptions) -> Self {
        Self {
            engine: DEFAULT_ENGINE.to_owned(),
            model: options.model.clone(),
            model_sha256: None,
            requantize: options.requantize,
            prompt_tokens: options.prompt_tokens,
            max_tokens: options.max_tokens,
            batch: options.batch,
            depth: options.depth,
            threads: options.threads,
            device: options.device.clone(),
            cache: options.cache,
            endpoint: None,
            labels: BTreeMap::new(),
        }
    }

    /// Returns `common` options with the values of this configuration.
    pub fn options(&self, common: &RunOptions) -> RunOptions {
        RunOptions {
            model: self.model.clone(),
            requantize: self.requantize,
            prompt_tokens: self.prompt_tokens,
            max_tokens: self.max_tokens,
            batch: self.batch,
            depth: self.depth,
            threads: self.threads,
            device: self.device.clone(),
            cache: self.cache,
            labels: self.labels.clone(),
            ..common.clone()
        }
    }
}
