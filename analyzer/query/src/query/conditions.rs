//! Conditions of the machine at the start and end of a run.

use std::collections::BTreeMap;

use energy_data::rows::ConditionTime;
use serde::Serialize;

use super::{Recording, Run};
use crate::error::Result;

/// A condition at the run's start and end. See [`energy_power::conditions`] for keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Its key.
    pub key: String,
    /// Value at the start, if known.
    pub start: Option<String>,
    /// Value at the end, if known; unknown after a crash.
    pub end: Option<String>,
}

impl Condition {
    /// Returns whether both values are known and differ.
    pub fn has_changed(&self) -> bool {
        let both = self.start.as_ref().zip(self.end.as_ref());
        both.is_some_and(|(start, end)| start != end)
    }
}

/// Reads the run's conditions by key; none for imported runs and recordings of earlier
/// versions.
///
/// # Errors
/// If the file cannot be read.
pub fn conditions(recording: &Recording, run: &Run) -> Result<Vec<Condition>> {
    let mut by_key: BTreeMap<String, Condition> = BTreeMap::new();
    for row in recording.store().conditions(run.no)?.all()? {
        let condition = by_key.entry(row.key.clone()).or_insert(Condition {
            key: row.key,
            start: None,
            end: None,
        });
        match row.time_point {
            ConditionTime::Start => condition.start = Some(row.value),
            ConditionTime::End => condition.end = Some(row.value),
        }
    }
    Ok(by_key.into_values().collect())
}
