//! What is told beside rows: events, losses.

use super::super::writer::SinkFailure;
use super::Collector;
use crate::rows::EventRow;

/// What is told of the sources when they are opened and is no mere property of them: a
/// sensor that was refused, power that is modelled.
pub(super) fn doubtful(notices: &[EventRow]) -> Vec<String> {
    let told = notices.iter().filter(|event| event.kind != "source_limit");
    told.map(|event| event.message.clone()).collect()
}

impl Collector {
    pub(super) fn event(&mut self, time_ns: i64, kind: &str, message: String) {
        self.tell(EventRow {
            time_ns,
            kind: kind.to_owned(),
            count: 1,
            message,
        });
    }

    pub(super) fn tell(&mut self, event: EventRow) {
        self.warnings.push(event.message.clone());
        self.batch.events.push(event);
    }

    pub(super) fn tell_losses(&mut self, now_ns: i64) {
        for SinkFailure { message, rows } in self.parts.writer.failures() {
            self.losses.add_rows(rows);
            self.event(now_ns, "sink_error", message);
        }
        self.losses
            .take_shared(&self.parts.shared, self.parts.assembler.folded_nodes());
        let batch = &mut self.batch;
        self.losses
            .news(now_ns, &mut |event| batch.events.push(event));
    }
}
