//! Checkpoints of a recording's span entries, and what else was found out by reading all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use energy_data::rows::SpanRow;

/// The activations that are open at each checkpoint of a run, in order.
pub(super) type RunCheckpoints = Arc<Mutex<Vec<Vec<SpanRow>>>>;

/// End of a run and id of its last span, on which its number of misplaced spans depends.
pub(super) type MisplacedKey = (i64, Option<i64>);

/// Activations that are open at regular numbers, found while a file is read. Connections to the
/// same file may share them; clones do.
#[derive(Debug, Clone, Default)]
pub struct Checkpoints {
    by_run: Arc<Mutex<HashMap<String, RunCheckpoints>>>,
    misplaced: Arc<Mutex<HashMap<String, (MisplacedKey, i64)>>>,
}

impl Checkpoints {
    /// Returns the checkpoints of the run `uuid`.
    pub(super) fn of_run(&self, uuid: &str) -> RunCheckpoints {
        let mut by_run = self.by_run.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(by_run.entry(uuid.to_owned()).or_default())
    }

    /// Returns the number of misplaced spans of the run `uuid`, if it was counted for that key.
    pub(super) fn misplaced(&self, uuid: &str, key: MisplacedKey) -> Option<i64> {
        let misplaced = self.misplaced.lock();
        let misplaced = misplaced.unwrap_or_else(PoisonError::into_inner);
        let (known, count) = misplaced.get(uuid)?;
        (*known == key).then_some(*count)
    }

    /// Keeps the number of misplaced spans of the run `uuid`.
    pub(super) fn keep_misplaced(&self, uuid: &str, key: MisplacedKey, count: i64) {
        let misplaced = self.misplaced.lock();
        let mut misplaced = misplaced.unwrap_or_else(PoisonError::into_inner);
        misplaced.insert(uuid.to_owned(), (key, count));
    }
}
