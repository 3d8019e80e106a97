//! Under which conditions did a run take place?

use std::collections::BTreeMap;

use serde::Serialize;
use tracing_energy::rows::Moment;

use super::{Recording, Run};
use crate::error::Result;

/// One condition at the run's start and end; keys are those of
/// [`tracing_energy::conditions`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Which one.
    pub key: String,
    /// Its value at the start; none where it is not known.
    pub start: Option<String>,
    /// Its value at the end; none where it is not known, as after a crash.
    pub end: Option<String>,
}

impl Condition {
    /// Whether it is known at both ends and differs.
    pub fn has_changed(&self) -> bool {
        let both = self.start.as_ref().zip(self.end.as_ref());
        both.is_some_and(|(start, end)| start != end)
    }
}

/// The run's conditions by key; nothing for a run that was imported or is older than
/// conditions are.
///
/// # Errors
/// When the file cannot be read.
pub fn conditions(recording: &Recording, run: &Run) -> Result<Vec<Condition>> {
    let mut by_key: BTreeMap<String, Condition> = BTreeMap::new();
    for row in recording.store().conditions(run.no)?.all()? {
        let condition = by_key.entry(row.key.clone()).or_insert(Condition {
            key: row.key,
            start: None,
            end: None,
        });
        match row.moment {
            Moment::Start => condition.start = Some(row.value),
            Moment::End => condition.end = Some(row.value),
        }
    }
    Ok(by_key.into_values().collect())
}
