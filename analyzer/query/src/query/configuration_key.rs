//! Identity of a configuration: what distinguishes the cells of an experiment.

use std::collections::BTreeMap;

use serde::Serialize;

/// Identity of a configuration. `None` is unknown; two unknown values are equal.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ConfigurationKey {
    /// Name of the model.
    pub model: Option<String>,
    /// SHA-256 of the model file.
    pub model_sha256: Option<String>,
    /// Number format of the weights.
    pub precision: Option<String>,
    /// Requested conversion of the weights.
    pub requantize: Option<String>,
    /// Number format of the key-value cache.
    pub cache: Option<String>,
    /// Program that ran the model.
    pub engine: Option<String>,
    /// Command line of the program or server, if it is another engine's; with its placeholders, because
    /// their values are settings of their own.
    pub program: Option<String>,
    /// Device of the tensors.
    pub device: Option<String>,
    /// Compute threads.
    pub threads: Option<u32>,
    /// Granularity of spans.
    pub depth: Option<String>,
    /// Whether statistics of activation tensors were computed: `on` or `off`.
    pub statistics: Option<String>,
    /// Sequences at once.
    pub batch: Option<i64>,
    /// Prompt tokens of each sequence, rounded.
    pub prompt_tokens: Option<i64>,
    /// Largest number of generated tokens of each sequence.
    pub max_tokens: Option<i64>,
    /// Form of the prompt: `raw`, or `template` with its system turn and variables.
    pub prompt_form: Option<String>,
    /// How tokens are selected, without the seed: `greedy`, `temperature 0.8, top-k 40`.
    pub sampling: Option<String>,
    /// Labels that the user gave to configurations.
    pub labels: BTreeMap<String, String>,
    /// Machine: its id, else its name.
    pub machine: Option<String>,
    /// Processor.
    pub chip: Option<String>,
    /// Measured root rails as `source/name`, joined by ` + `.
    pub rails: Option<String>,
    /// Origin of the power: measured, modelled or replayed.
    pub provenance: Option<String>,
    /// Requested method of the attribution that the energies are from: the method that it amounts to
    /// may vary between repeats.
    pub attribution: Option<String>,
}
