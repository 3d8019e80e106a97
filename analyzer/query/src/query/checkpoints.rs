//! Checkpoints of a recording's span entries.

use std::cell::RefCell;
use std::collections::HashMap;

use energy_data::rows::SpanRow;

/// Activations that are open at regular numbers, found while a recording is open.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// By the id of the run, the open activations before each checkpoint.
    pub(super) by_run: RefCell<HashMap<String, Vec<Vec<SpanRow>>>>,
}
