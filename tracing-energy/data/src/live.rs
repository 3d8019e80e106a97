//! Updates about runs while they are recorded.

use std::sync::Arc;

use crate::rows::RunStatus;
use crate::sink::Batch;

/// What has changed since the previous update.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Update {
    /// New or changed rows of a run. The first one of a run has its row in `batch.run`, later ones
    /// if it changed. As for sinks, a row with a known key replaces the earlier one.
    Rows {
        /// Uuid of the run.
        run: Arc<str>,
        /// The rows. Several subscribers share them.
        batch: Arc<Batch>,
    },
    /// A run ended, or its process died. Its rows precede this update.
    Ended {
        /// Uuid of the run.
        run: Arc<str>,
        /// How it ended: crashed if its process died.
        status: RunStatus,
    },
    /// A run has a new attribution, which replaces all its energies. Read them from the file.
    Attributed {
        /// Uuid of the run.
        run: Arc<str>,
        /// Id of the attribution.
        attribution: u32,
        /// Its method.
        method: String,
    },
    /// A run was deleted, or merged into another one.
    Deleted {
        /// Uuid of the run.
        run: Arc<str>,
    },
    /// The receiver was too slow: this number of updates is lost. Rows that later ones refer to
    /// are sent again.
    Lost {
        /// Number of lost updates.
        updates: u64,
    },
    /// The path names another file than before. All runs known so far are gone.
    FileReplaced,
    /// There is no file at the path any more.
    FileGone,
}

impl Update {
    /// Returns the uuid of the run that it is about.
    pub fn run(&self) -> Option<&Arc<str>> {
        match self {
            Self::Rows { run, .. }
            | Self::Ended { run, .. }
            | Self::Attributed { run, .. }
            | Self::Deleted { run } => Some(run),
            Self::Lost { .. } | Self::FileReplaced | Self::FileGone => None,
        }
    }
}
