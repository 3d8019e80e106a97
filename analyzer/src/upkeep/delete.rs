//! Deletion of selected runs.

use std::collections::BTreeMap;
use std::path::Path;

use energy_store::Store;

use super::{check_ended, several, sizes};
use crate::error::Result;
use crate::query::{Recording, Run};

/// Runs to delete.
#[derive(Debug, Clone, PartialEq)]
pub struct DeletePlan {
    /// The runs, in the order of their selectors.
    pub runs: Vec<Run>,
    sizes: BTreeMap<i64, u64>,
}

impl DeletePlan {
    /// Finds the runs that match any of the selectors, and estimates their sizes. Reads the
    /// whole file.
    ///
    /// # Errors
    /// If a selector matches no run, a run is being recorded, or the file cannot be read.
    pub fn read(recording: &Recording, selectors: &[String]) -> Result<Self> {
        Ok(Self {
            sizes: sizes(recording)?,
            ..Self::without_sizes(several(recording, selectors)?)?
        })
    }

    /// Plans to delete `runs`, without reading their sizes.
    ///
    /// # Errors
    /// If a run is being recorded.
    pub fn without_sizes(runs: Vec<Run>) -> Result<Self> {
        runs.iter().try_for_each(check_ended)?;
        Ok(Self {
            runs,
            sizes: BTreeMap::new(),
        })
    }

    /// Returns the estimated size of a run in bytes, if known.
    pub fn bytes(&self, run: &Run) -> Option<u64> {
        self.sizes.get(&run.no).copied()
    }

    /// Deletes the runs from the file at `db`. `on_deleted` is called after each run with the
    /// number of deleted runs.
    ///
    /// # Errors
    /// If the file cannot be written, or `on_deleted` fails; runs deleted before stay deleted.
    pub fn delete(
        &self,
        db: &Path,
        on_deleted: &mut dyn FnMut(usize, &Run) -> Result<()>,
    ) -> Result<()> {
        let store = Store::open_writable(db)?;
        for (at, run) in self.runs.iter().enumerate() {
            store.delete_run(run.no)?;
            on_deleted(at + 1, run)?;
        }
        Ok(())
    }
}
