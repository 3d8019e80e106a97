//! Sends messages about runs of one file.

use std::path::Path;
use std::sync::Arc;

use energy_data::rows::RunStatus;
use energy_host::unix_ns;
use serde_json::{Value, json};

use super::complete::{RunTotals, completed};
use super::message::{Detail, Message, MessageKind, Publish};
use super::texts::LiveTexts;
use crate::query::Recording;

/// Sends messages of one file.
pub(super) struct Outlet<'f> {
    /// Receives them.
    pub(super) publish: &'f Arc<dyn Publish>,
    /// The file.
    pub(super) path: &'f Path,
    /// Reads what messages need in addition.
    pub(super) texts: &'f LiveTexts,
}

impl Outlet<'_> {
    /// Sends a message.
    pub(super) fn send(
        &self,
        run: Option<Arc<str>>,
        (kind, detail): (MessageKind, Detail),
        timestamp_unix_ns: i64,
        data: Value,
    ) {
        self.publish.publish(Message {
            run,
            kind,
            detail,
            timestamp_unix_ns,
            data,
        });
    }

    /// Reports that the file cannot be followed.
    pub(super) fn fail(&self, message: &str) {
        self.fail_with(message, "check the file; the server tries again");
    }

    /// Reports a failure with the next step.
    pub(super) fn fail_with(&self, message: &str, remedy: &str) {
        let data = json!({
            "message": format!("{}: {message}", self.path.display()), "remedy": remedy,
        });
        self.send(None, (MessageKind::Error, Detail::Power), unix_ns(), data);
    }

    /// Sends the totals of a run that has ended. Those of a crashed run are computed on a thread of
    /// their own, because the whole run is attributed for them.
    pub(super) fn complete(&self, run: &Arc<str>, status: RunStatus, timestamp_unix_ns: i64) {
        let (path, run) = (self.path.to_owned(), Arc::clone(run));
        let publish = Arc::clone(self.publish);
        let send = move || {
            let recording = match status {
                RunStatus::Crashed => Recording::open_repaired(&path),
                _ => Recording::open(&path),
            };
            let totals = recording.and_then(|recording| RunTotals::read(&recording, &run));
            publish.publish(Message {
                run: Some(run),
                kind: MessageKind::InferenceComplete,
                detail: Detail::Power,
                timestamp_unix_ns,
                data: completed(status, totals.ok().as_ref()),
            });
        };
        match status {
            RunStatus::Crashed => {
                let thread = std::thread::Builder::new().name("energy-totals".to_owned());
                // Without a thread there are no totals; the run's end is still in the list.
                let _ = thread.spawn(send);
            }
            _ => send(),
        }
    }
}
