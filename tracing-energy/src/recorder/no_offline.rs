//! Without the feature `sqlite` there is no file to attribute after the recording.

use energy_attribution::Finished;
use energy_data::AttributeOptions;

use super::summary::RunSummary;

/// An attribution after the recording, which needs a file; never constructed.
pub(crate) enum Offline {}

impl Offline {
    /// Returns `None`: there is no file.
    pub(crate) fn of(
        _database: Option<&std::path::Path>,
        _options: AttributeOptions,
    ) -> Option<Self> {
        None
    }

    pub(crate) fn is_needed(&self, _live: &Finished) -> bool {
        match *self {}
    }

    pub(crate) fn attribute(&self, _summary: &mut RunSummary) {
        match *self {}
    }
}

/// Does nothing: without a file no other process can close the run.
pub(super) fn attribute_again(_path: &std::path::Path, _summary: &mut RunSummary) {}
