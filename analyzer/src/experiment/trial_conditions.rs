//! Conditions of the machine during the run of a trial.

use energy_store::Store;

use crate::error::Result;
use crate::query::{StoredEvent, condition_events, events_of};

/// Kind of events about numbers of tokens that are missing or contradict each other.
const TOKEN_COUNTS: &str = "token_counts";

/// Reads the events of the run with that id about a busy, hot or changed machine, other clients of its
/// server, and its numbers of tokens; none if the run is not in the file.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn events_of_run(store: &Store, uuid: &str) -> Result<Vec<StoredEvent>> {
    match store.stored_status(uuid)? {
        Some((run, _)) => {
            let mut found = condition_events(store.connection(), run)?;
            let all = events_of(store.connection(), run)?.into_iter();
            found.extend(all.filter(|event| event.kind == TOKEN_COUNTS));
            Ok(found)
        }
        None => Ok(Vec::new()),
    }
}

/// Joins the messages of events and other `texts`; `None` if there are none.
pub(super) fn joined(events: &[StoredEvent], other: Option<&str>) -> Option<String> {
    let messages = events.iter().map(|event| event.message.as_str());
    let texts: Vec<&str> = messages.chain(other).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}
