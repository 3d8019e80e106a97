//! Keeps messages about runs while their totals are being computed, so that the first one after the
//! end of a run is always `inference_complete`.
//!
//! ```text
//! follower   end       attributed again   deleted
//! totals      |------ computed ------------------|
//! sent                                           inference_complete, figures_replaced, run_deleted
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::message::{Message, Publish};

/// Messages that wait, by run.
#[derive(Debug, Clone, Default)]
pub(super) struct PendingRuns(Arc<Mutex<BTreeMap<Arc<str>, Vec<Message>>>>);

impl PendingRuns {
    /// Keeps the messages about a run from now on.
    pub(super) fn begin(&self, run: &Arc<str>) {
        self.lock().entry(Arc::clone(run)).or_default();
    }

    /// Sends a message, or keeps it if its run is pending.
    pub(super) fn publish(&self, publish: &dyn Publish, message: Message) {
        let mut pending = self.lock();
        match message.run.as_ref().and_then(|run| pending.get_mut(run)) {
            Some(kept) => kept.push(message),
            None => {
                drop(pending);
                publish.publish(message);
            }
        }
    }

    /// Sends `first`, then the messages that were kept about its run.
    pub(super) fn end(&self, publish: &dyn Publish, first: Message) {
        // Locked until all are sent: a message that comes now is sent after them.
        let mut pending = self.lock();
        let kept = first.run.as_ref().and_then(|run| pending.remove(run));
        publish.publish(first);
        for message in kept.unwrap_or_default() {
            publish.publish(message);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Vec<Message>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::message::{Detail, MessageKind};
    use super::*;

    fn message(run: &str, kind: MessageKind) -> Message {
        Message {
            run: Some(run.into()),
            kind,
            detail: Detail::Power,
            timestamp_unix_ns: 0,
            data: json!({}),
        }
    }

    #[test]
    fn what_follows_the_end_of_a_run_waits_for_its_totals() {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&sent);
        let publish = move |message: Message| {
            let run = message.run.unwrap();
            log.lock()
                .unwrap()
                .push(format!("{run} {}", message.kind.name()));
        };
        let pending = PendingRuns::default();
        pending.begin(&"a".into());
        pending.publish(&publish, message("a", MessageKind::FiguresReplaced));
        pending.publish(&publish, message("b", MessageKind::PowerSample));
        pending.publish(&publish, message("a", MessageKind::RunDeleted));
        assert_eq!(*sent.lock().unwrap(), ["b power_sample"]);
        pending.end(&publish, message("a", MessageKind::InferenceComplete));
        pending.publish(&publish, message("a", MessageKind::FiguresReplaced));
        let expected = [
            "b power_sample",
            "a inference_complete",
            "a figures_replaced",
            "a run_deleted",
            "a figures_replaced",
        ];
        assert_eq!(*sent.lock().unwrap(), expected);
    }
}
