//! Tags of runs.

use std::path::Path;

use energy_store::Store;

use super::several;
use crate::error::Result;
use crate::query::Recording;

/// A change of tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagChange {
    /// Sets a tag, and replaces its value if it exists.
    Set {
        /// Key.
        key: String,
        /// Value; may be empty.
        value: String,
    },
    /// Removes a tag.
    Remove {
        /// Key.
        key: String,
    },
}

/// Changes a tag of all runs that match any of the selectors, in the recording at `db`. Returns
/// the number of runs that were changed.
///
/// # Errors
/// If a selector matches no run, or the file cannot be written.
pub fn change_tag(
    recording: Recording,
    selectors: &[String],
    change: &TagChange,
    db: &Path,
) -> Result<usize> {
    let runs = several(&recording, selectors)?;
    let runs: Vec<i64> = runs.iter().map(|run| run.no).collect();
    drop(recording);
    let store = Store::open_writable(db)?;
    match change {
        TagChange::Set { key, value } => {
            store.set_tag(&runs, key, value)?;
            Ok(runs.len())
        }
        TagChange::Remove { key } => Ok(store.remove_tag(&runs, key)?),
    }
}
