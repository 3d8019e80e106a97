//! Configuration that is stored with a run as JSON.

use std::collections::BTreeMap;

use energy_data::rows::RunMetadata;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The known part of a stored configuration. `energy run` writes all of it; other programs may
/// store any JSON, of which fields of the same name and type are used.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct StoredConfig {
    /// Number of parameters of the model.
    #[serde(deserialize_with = "lenient")]
    pub parameters: Option<u64>,
    /// Number of parameters used per token, if not all are.
    #[serde(deserialize_with = "lenient")]
    pub active_parameters: Option<u64>,
    /// Architecture of the model, such as `llama`.
    #[serde(deserialize_with = "lenient")]
    pub architecture: Option<String>,
    /// Transformer blocks.
    #[serde(deserialize_with = "lenient")]
    pub layers: Option<u64>,
    /// Width of the residual stream in channels.
    #[serde(deserialize_with = "lenient")]
    pub width: Option<u64>,
    /// Width inside of the MLP in channels.
    #[serde(deserialize_with = "lenient")]
    pub hidden: Option<u64>,
    /// Query heads.
    #[serde(deserialize_with = "lenient")]
    pub heads: Option<u64>,
    /// Key and value heads.
    #[serde(deserialize_with = "lenient")]
    pub kv_heads: Option<u64>,
    /// How queries share keys and values: `multi-head`, `grouped-query` or `multi-query`.
    #[serde(deserialize_with = "lenient")]
    pub attention: Option<String>,
    /// Experts in each layer with experts.
    #[serde(deserialize_with = "lenient")]
    pub num_experts: Option<u64>,
    /// Experts that each token uses.
    #[serde(deserialize_with = "lenient")]
    pub num_experts_per_token: Option<u64>,
    /// Requested conversion of the weights.
    #[serde(deserialize_with = "lenient")]
    pub requantize: Option<String>,
    /// Labels of the configuration that no option holds.
    #[serde(deserialize_with = "lenient")]
    pub labels: Option<BTreeMap<String, String>>,
    /// SHA-256 of the model file.
    #[serde(deserialize_with = "lenient")]
    pub model_sha256: Option<String>,
    /// SHA-256 of the prompt, if its text is not stored.
    #[serde(deserialize_with = "lenient")]
    pub prompt_sha256: Option<String>,
    /// Device that ran the model.
    #[serde(deserialize_with = "lenient")]
    pub device: Option<String>,
    /// Command line of the recorded program.
    #[serde(deserialize_with = "lenient")]
    pub command: Option<String>,
    /// Command line with its placeholders, by which configurations of one program are recognized.
    #[serde(deserialize_with = "lenient")]
    pub template: Option<String>,
    /// Command line of the server.
    #[serde(deserialize_with = "lenient")]
    pub serve: Option<String>,
    /// Depth of spans.
    #[serde(deserialize_with = "lenient")]
    pub depth: Option<String>,
    /// Largest number of generated tokens.
    #[serde(deserialize_with = "lenient")]
    pub max_tokens: Option<u64>,
    /// Temperature of sampling; 0 takes the most likely token.
    #[serde(deserialize_with = "lenient")]
    pub temperature: Option<f64>,
    /// Number of tokens to sample from.
    #[serde(deserialize_with = "lenient")]
    pub top_k: Option<u64>,
    /// Probability of the tokens to sample from.
    #[serde(deserialize_with = "lenient")]
    pub top_p: Option<f64>,
    /// Least probability of tokens to sample from, as a share of the largest.
    #[serde(deserialize_with = "lenient")]
    pub min_p: Option<f64>,
    /// Divisor of the logits of tokens that occurred.
    #[serde(deserialize_with = "lenient")]
    pub repeat_penalty: Option<f64>,
    /// Whether end tokens were ignored.
    #[serde(deserialize_with = "lenient")]
    pub ignore_eos: Option<bool>,
    /// Whether the prompt is used without the model's template.
    #[serde(deserialize_with = "lenient")]
    pub raw: Option<bool>,
    /// System turn before the prompt, if its text is stored.
    #[serde(deserialize_with = "lenient")]
    pub system: Option<String>,
    /// SHA-256 of the system turn, if its text is not stored.
    #[serde(deserialize_with = "lenient")]
    pub system_sha256: Option<String>,
    /// Variables of the chat template.
    #[serde(deserialize_with = "lenient")]
    pub chat: Option<BTreeMap<String, Value>>,
    /// Number of prompts.
    #[serde(deserialize_with = "lenient")]
    pub prompts: Option<u64>,
    /// Requested number of sequences at once, if there were fewer.
    #[serde(deserialize_with = "lenient")]
    pub requested_batch: Option<u64>,
    /// Number format of the key-value cache.
    #[serde(deserialize_with = "lenient")]
    pub cache: Option<String>,
    /// Threshold of statistics of activation tensors; `None` if there are none.
    #[serde(deserialize_with = "lenient")]
    pub statistics_threshold: Option<f64>,
    /// Number of compute threads.
    #[serde(deserialize_with = "lenient")]
    pub threads: Option<u32>,
    /// Requested number of tokens of a made prompt.
    #[serde(deserialize_with = "lenient")]
    pub prompt_tokens: Option<u64>,
}

impl StoredConfig {
    /// Reads the configuration of a run; empty if it has none.
    pub fn of(metadata: &RunMetadata) -> Self {
        let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
        let config = metadata.config.as_deref().and_then(object);
        let config = config.and_then(|map| serde_json::from_value(map.into()).ok());
        config.unwrap_or_default()
    }
}

/// Reads a value, or `None` if it has another type.
fn lenient<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Ok(T::deserialize(Value::deserialize(from)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(config: &str) -> StoredConfig {
        StoredConfig::of(&RunMetadata {
            config: Some(config.to_owned()),
            ..RunMetadata::default()
        })
    }

    #[test]
    fn values_of_other_types_are_unknown() {
        let known = stored(r#"{"parameters": 5, "threads": "two", "device": null, "more": []}"#);
        let expected = StoredConfig {
            parameters: Some(5),
            ..StoredConfig::default()
        };
        assert_eq!(known, expected);
        for other in ["", "[1]", "5", "{"] {
            assert_eq!(stored(other), StoredConfig::default(), "{other}");
        }
    }
}
