//! What a recorded program does, if that is known before it starts.

use serde_json::{Map, Value};

/// Facts of a run that are stored with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Workload {
    /// Name of the engine.
    pub engine: Option<String>,
    /// Name of the model.
    pub model: Option<String>,
    /// Prompt, if it is to be stored.
    pub prompt: Option<String>,
    /// Sequences at once.
    pub batch: Option<i64>,
    /// Further fields of the configuration.
    pub config: Map<String, Value>,
    /// Id of the run, a UUID; a new one if it is `None`.
    pub run_id: Option<String>,
}
