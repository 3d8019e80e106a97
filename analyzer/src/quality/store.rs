//! Stores qualities with the runs that used the same weights.

use std::path::Path;

use energy_data::rows::RunStatus;
use energy_store::Store;

use super::evaluate::EvaluatedWeights;
use crate::error::Result;
use crate::query::{Recording, Run, StoredConfig};

/// Stores each quality as tags of the ended runs in the file at `db` that used the same model, number
/// formats and cache, and sets the number of runs. A file that does not exist has no runs.
///
/// # Errors
/// If the file cannot be read or written.
pub fn store_quality(db: &Path, all: &mut [EvaluatedWeights]) -> Result<()> {
    if !db.exists() {
        return Ok(());
    }
    let recording = Recording::open_repaired(db)?;
    let runs = recording.runs()?;
    drop(recording);
    let store = Store::open_writable(db)?;
    for one in all {
        let same: Vec<i64> = runs
            .iter()
            .filter(|run| is_same(run, one))
            .map(|run| run.no)
            .collect();
        if !same.is_empty() {
            for (key, value) in one.quality.tags() {
                store.set_tag(&same, key, &value)?;
            }
        }
        one.runs = same.len();
    }
    Ok(())
}

fn is_same(run: &Run, one: &EvaluatedWeights) -> bool {
    let metadata = &run.row.metadata;
    let config = StoredConfig::of(metadata);
    run.row.status != RunStatus::Running
        && config.model_sha256.as_deref() == Some(one.model_sha256.as_str())
        && metadata.precision.as_deref() == Some(one.precision.as_str())
        && config.cache.as_deref().unwrap_or("f32") == one.cache
}
