//! Sends messages about runs of one file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use energy_data::rows::RunStatus;
use energy_host::unix_ns;
use serde_json::{Value, json};

use super::complete::{RunTotals, completed};
use super::message::{Detail, Message, MessageKind, Publish};
use super::pending::PendingRuns;
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
    /// Runs with totals that are being computed.
    pub(super) pending: &'f PendingRuns,
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
        let message = Message {
            run,
            kind,
            detail,
            timestamp_unix_ns,
            data,
        };
        self.pending.publish(&**self.publish, message);
    }

    /// Reports that something of a run was left out, with the next step.
    pub(super) fn report(&self, run: &Arc<str>, detail: Detail, message: &str, remedy: &str) {
        let data = json!({ "message": message, "remedy": remedy });
        let kind = (MessageKind::Error, detail);
        self.send(Some(Arc::clone(run)), kind, unix_ns(), data);
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
    /// their own, because the whole run is attributed for them; other messages about the run wait
    /// until then.
    pub(super) fn complete(&self, run: &Arc<str>, status: RunStatus, timestamp_unix_ns: i64) {
        let (path, run) = (self.path.to_owned(), Arc::clone(run));
        let (publish, pending) = (Arc::clone(self.publish), self.pending.clone());
        let message = move |totals: Option<&RunTotals>, run: &Arc<str>| Message {
            run: Some(Arc::clone(run)),
            kind: MessageKind::InferenceComplete,
            detail: Detail::Power,
            timestamp_unix_ns,
            data: completed(status, totals),
        };
        if status != RunStatus::Crashed {
            let totals = totals(&path, &run, status);
            publish.publish(message(totals.as_ref(), &run));
            return;
        }
        self.pending.begin(&run);
        let without = message(None, &run);
        let send = move || {
            // A panic must not keep the messages that wait.
            let found = catch_unwind(AssertUnwindSafe(|| totals(&path, &run, status)));
            let totals = found.ok().flatten();
            pending.end(&*publish, message(totals.as_ref(), &run));
        };
        let thread = std::thread::Builder::new().name("energy-totals".to_owned());
        if thread.spawn(send).is_err() {
            self.pending.end(&**self.publish, without);
        }
    }
}

fn totals(path: &Path, run: &str, status: RunStatus) -> Option<RunTotals> {
    let recording = match status {
        RunStatus::Crashed => Recording::open_repaired(path),
        _ => Recording::open(path),
    };
    RunTotals::read(&recording.ok()?, run).ok()
}
