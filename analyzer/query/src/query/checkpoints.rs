//! Checkpoints of a recording's span entries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use energy_data::rows::SpanRow;

/// The activations that are open at each checkpoint of a run, in order.
pub(super) type RunCheckpoints = Arc<Mutex<Vec<Vec<SpanRow>>>>;

/// Activations that are open at regular numbers, found while a file is read. Connections to the
/// same file may share them; clones do.
#[derive(Debug, Clone, Default)]
pub struct Checkpoints {
    by_run: Arc<Mutex<HashMap<String, RunCheckpoints>>>,
}

impl Checkpoints {
    /// Returns the checkpoints of the run `uuid`.
    pub(super) fn of_run(&self, uuid: &str) -> RunCheckpoints {
        let mut by_run = self.by_run.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(by_run.entry(uuid.to_owned()).or_default())
    }
}
