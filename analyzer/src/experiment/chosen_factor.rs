//! A factor with its chosen values, as plans store it.

use serde::{Deserialize, Serialize};

/// A factor with the chosen values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenFactor {
    /// Name of the factor: that of its option.
    pub factor: String,
    /// Its values, each once; of a label `KEY=VALUE`, with the same key.
    pub values: Vec<String>,
}

impl ChosenFactor {
    /// Returns the key of a label; `None` if it is another factor.
    pub fn label_key(&self) -> Option<&str> {
        let first = self.values.first().filter(|_| self.factor == "label");
        first?.split_once('=').map(|(key, _)| key)
    }

    /// Returns whether it has several values.
    pub fn is_varied(&self) -> bool {
        self.values.len() > 1
    }
}
