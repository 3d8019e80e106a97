//! What messages need from the file beyond the rows that the follower reports.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::query::{Recording, Run};

/// A connection to the file, opened when it is needed.
#[derive(Debug)]
pub(super) struct LiveTexts {
    path: PathBuf,
    opened: RefCell<Option<(Recording, Option<Run>)>>,
}

impl LiveTexts {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            opened: RefCell::default(),
        }
    }

    /// Closes the file, because it was replaced or because runs were deleted.
    pub(super) fn forget(&self) {
        *self.opened.borrow_mut() = None;
    }

    /// Returns the text of a token, and its number if that is a field of its span. Unknown if they
    /// were not stored.
    pub(super) fn token(&self, uuid: &str, span: u64) -> (Option<String>, Option<i64>) {
        let fields = self.with(uuid, |recording, run| {
            recording.store().fields_of(run.no, span).ok().flatten()
        });
        let fields = fields.and_then(|json| serde_json::from_str::<Value>(&json).ok());
        let fields = fields.unwrap_or_default();
        let text = fields["text"].as_str().map(str::to_owned);
        (text, fields["token"].as_i64())
    }

    /// Returns the kinds of all nodes, by id.
    pub(super) fn kinds(&self, uuid: &str) -> Vec<u32> {
        let kinds = self.with(uuid, |recording, run| {
            let kinds = recording.store().kinds(run.no, |_| 0).ok()?;
            Some(kinds.of_node)
        });
        kinds.unwrap_or_default()
    }

    fn with<T>(&self, uuid: &str, read: impl FnOnce(&Recording, &Run) -> Option<T>) -> Option<T> {
        let mut opened = self.opened.borrow_mut();
        if opened
            .as_ref()
            .is_none_or(|(recording, _)| recording.store().is_outdated())
        {
            *opened = Some((Recording::open(&self.path).ok()?, None));
        }
        let (recording, run) = opened.as_mut()?;
        if run.as_ref().is_none_or(|run| run.row.uuid != uuid) {
            *run = Some(recording.run(uuid).ok()?);
        }
        read(recording, run.as_ref()?)
    }
}
