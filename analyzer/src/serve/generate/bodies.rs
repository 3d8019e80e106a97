//! Bodies of requests that start a run, in two forms.
//!
//! Ours has keys in snake case and is answered at once. The other one has keys in camel case, which
//! existing scripts send, and is answered when the run has ended.

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::run::{MetricSet, SpanDepth, StatisticsOptions};

/// Keys of our form only.
pub(super) const OURS: [&str; 26] = [
    "model",
    "depth",
    "device",
    "max_tokens",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "stop",
    "system",
    "chat",
    "seed",
    "repeat_penalty",
    "raw",
    "stats",
    "experiment",
    "name",
    "keep_text",
    "method",
    "baseline_ms",
    "batch",
    "wait",
    "on_busy",
    "allow_modelled",
    "on_disconnect",
    "interval_ms",
];
/// Keys of the other form only.
pub(super) const COMPATIBLE: [&str; 4] =
    ["modelPath", "profilingDepth", "experimentName", "config"];

/// What to do if another run is being generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnBusy {
    /// Answer 409
    #[default]
    Refuse,
    /// Wait for the other runs, at most 8
    Queue,
}

/// What to do if a client that waits for the end disconnects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnDisconnect {
    /// Continue the run
    #[default]
    Continue,
    /// Cancel the run
    Cancel,
}

/// Granularity of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RequestedDepth {
    Phase,
    Layer,
    Module,
    Deep,
}

/// Tags: a list of `KEY=VALUE` or `KEY`, an object, or a list in one text, separated by commas.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum RequestedTags {
    List(Vec<String>),
    Object(BTreeMap<String, String>),
    Text(String),
}

/// Statistics: whether to record the default set, or a list of sets.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum RequestedStats {
    Enabled(bool),
    Sets(Vec<RequestedSet>),
}

/// Set of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RequestedSet {
    Default,
    Alternative,
    Projections,
}

/// A run to start. Answered with 202 at once, or with `wait` when the run has ended.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GenerateBody {
    /// Prompt for the model
    #[schema(min_length = 1)]
    pub(super) prompt: String,
    /// Id of a model from `GET /api/profiling/models` [default: smollm2]
    pub(super) model: Option<String>,
    /// Granularity of spans [default: module]
    pub(super) depth: Option<RequestedDepth>,
    /// Device of the tensors: cpu, cuda, cuda:N or metal [default: cpu]
    #[schema(pattern = "^(cpu|metal|cuda(:[0-9]{1,4})?)$")]
    pub(super) device: Option<String>,
    /// Maximum number of generated tokens [default: 128]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub(super) max_tokens: Option<usize>,
    /// Sampling temperature; 0 selects the most likely token [default: 0]
    #[schema(minimum = 0, maximum = 100)]
    pub(super) temperature: Option<f32>,
    /// Number of most likely tokens to sample from [default: all]
    #[schema(minimum = 1)]
    pub(super) top_k: Option<usize>,
    /// Cumulative probability of the most likely tokens to sample from [default: 1]
    #[schema(exclusive_minimum = 0, maximum = 1)]
    pub(super) top_p: Option<f32>,
    /// Least probability of tokens to sample from, as a share of the largest [default: 0]
    #[schema(minimum = 0, maximum = 1)]
    pub(super) min_p: Option<f32>,
    /// Texts that end the answer, without them
    pub(super) stop: Option<Vec<String>>,
    /// System turn before the prompt [default: that of the chat template]
    pub(super) system: Option<String>,
    /// Variables of the chat template, such as enable_thinking
    pub(super) chat: Option<BTreeMap<String, serde_json::Value>>,
    /// Seed of sampling [default: 0]
    pub(super) seed: Option<u64>,
    /// Penalty for repeating one of the last 64 tokens; 1 disables it [default: 1]
    #[schema(minimum = 1, maximum = 100)]
    pub(super) repeat_penalty: Option<f32>,
    /// Continue the prompt without the chat template [default: false]
    pub(super) raw: Option<bool>,
    /// Record statistics of activation tensors: true, or a list of sets [default: false]
    pub(super) stats: Option<RequestedStats>,
    /// Tags of the run
    pub(super) tags: Option<RequestedTags>,
    /// Experiment that the run belongs to
    pub(super) experiment: Option<String>,
    /// Name of the run
    pub(super) name: Option<String>,
    /// Store the prompt, the response and the tokens' texts [default: true]
    pub(super) keep_text: Option<bool>,
    /// Attribution method: proportional or fitted [default: fitted if power is measured]
    pub(super) method: Option<String>,
    /// Duration of the idle baseline at the start in ms [default: 2000]
    #[schema(maximum = 60_000)]
    pub(super) baseline_ms: Option<u64>,
    /// Time between power samples in ms [default: that of the server]
    #[schema(minimum = 1, maximum = 60_000)]
    pub(super) interval_ms: Option<u64>,
    /// Number of answers to the prompt that are generated at once [default: 1]
    #[schema(minimum = 1, maximum = 256)]
    pub(super) batch: Option<u64>,
    /// Answer when the run has ended [default: false]
    pub(super) wait: Option<bool>,
    /// What to do if another run is being generated [default: refuse]
    pub(super) on_busy: Option<OnBusy>,
    /// Record modelled power if none can be measured [default: false]
    pub(super) allow_modelled: Option<bool>,
    /// What to do if a client that waits disconnects [default: continue]
    pub(super) on_disconnect: Option<OnDisconnect>,
}

/// A run to start in the form of existing scripts. Answered when the run has ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct CompatibleBody {
    /// Prompt for the model
    #[schema(min_length = 1)]
    pub(super) prompt: String,
    /// Id of a model from `GET /api/profiling/models` [default: smollm2]
    pub(super) model_path: Option<String>,
    /// Granularity of spans: phase, layer, module, deep [default: module]
    pub(super) profiling_depth: Option<RequestedDepth>,
    /// Tags of the run
    pub(super) tags: Option<RequestedTags>,
    /// Experiment that the run belongs to
    pub(super) experiment_name: Option<String>,
    /// Sampling
    pub(super) config: Option<CompatibleConfig>,
}

/// Sampling in the form of existing scripts.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompatibleConfig {
    #[schema(minimum = 0, maximum = 100)]
    pub(super) temperature: Option<f32>,
    #[schema(minimum = 1)]
    pub(super) top_k: Option<usize>,
    #[schema(exclusive_minimum = 0, maximum = 1)]
    pub(super) top_p: Option<f32>,
    #[schema(minimum = 0, maximum = 1)]
    pub(super) min_p: Option<f32>,
    /// Texts that end the answer, without them
    pub(super) stop: Option<Vec<String>>,
    pub(super) seed: Option<u64>,
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub(super) max_tokens: Option<usize>,
    #[schema(minimum = 1, maximum = 100)]
    pub(super) repeat_penalty: Option<f32>,
    #[schema(minimum = 1, maximum = 1)]
    pub(super) batch: Option<u64>,
}

/// Either form.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes the interface")]
pub(super) enum EitherBody {
    Ours(GenerateBody),
    Compatible(CompatibleBody),
}

impl From<RequestedDepth> for SpanDepth {
    fn from(depth: RequestedDepth) -> Self {
        match depth {
            RequestedDepth::Phase => Self::Phase,
            RequestedDepth::Layer => Self::Layer,
            RequestedDepth::Module => Self::Module,
            RequestedDepth::Deep => Self::Deep,
        }
    }
}

impl From<RequestedStats> for StatisticsOptions {
    fn from(stats: RequestedStats) -> Self {
        match stats {
            RequestedStats::Enabled(true) => Self::enabled(),
            RequestedStats::Enabled(false) => Self::default(),
            RequestedStats::Sets(sets) => Self::of(sets.into_iter().map(MetricSet::from).collect()),
        }
    }
}

impl From<RequestedSet> for MetricSet {
    fn from(set: RequestedSet) -> Self {
        match set {
            RequestedSet::Default => Self::Default,
            RequestedSet::Alternative => Self::Alternative,
            RequestedSet::Projections => Self::Projections,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;

    /// Returns the keys of a form other than those of both, from its message about an unknown key.
    fn own_keys<T: DeserializeOwned>() -> BTreeSet<String> {
        let Err(error) = serde_json::from_value::<T>(json!({ "?": 1 })) else {
            panic!("an unknown key is accepted");
        };
        let text = error.to_string();
        let names = text.split('`').skip(3).step_by(2).map(str::to_owned);
        let is_shared = |name: &String| matches!(name.as_str(), "prompt" | "tags");
        names.filter(|name| !is_shared(name)).collect()
    }

    #[test]
    fn the_keys_of_each_form_are_listed() {
        let listed = |keys: &[&str]| -> BTreeSet<String> {
            keys.iter().map(|key| (*key).to_owned()).collect()
        };
        assert_eq!(own_keys::<GenerateBody>(), listed(&OURS));
        assert_eq!(own_keys::<CompatibleBody>(), listed(&COMPATIBLE));
    }
}
