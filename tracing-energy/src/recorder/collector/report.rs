//! Reports events and losses.

use std::sync::atomic::Ordering;

use super::super::writer::SinkFailure;
use super::Collector;
use crate::record::{EdgeClock, Fallback};
use energy_data::rows::EventRow;

/// Returns the notices of opened sources that are warnings (a refused sensor, modelled
/// power), without mere properties.
pub(super) fn source_warnings(notices: &[EventRow]) -> Vec<String> {
    let warnings = notices.iter().filter(|event| event.kind != "source_limit");
    warnings.map(|event| event.message.clone()).collect()
}

impl Collector {
    pub(super) fn event(&mut self, time_ns: i64, kind: &str, message: String) {
        self.report(EventRow {
            time_ns,
            kind: kind.to_owned(),
            count: 1,
            message,
        });
    }

    pub(super) fn report(&mut self, event: EventRow) {
        self.warnings.push(event.message.clone());
        self.batch.events.push(event);
    }

    /// Reports once that CPU time at edges is read by the system's clock, and why. This is
    /// as exact as a perf event and only slower, so it is not a warning.
    pub(super) fn note_edge_clock(&mut self, now_ns: i64) {
        let wants_perf = matches!(
            self.parts.shared.edge_clock,
            EdgeClock::Auto | EdgeClock::Perf
        );
        let Some(fallback) = Fallback::current().filter(|_| wants_perf) else {
            return;
        };
        if std::mem::replace(&mut self.has_noted_fallback, true) {
            return;
        }
        let instead = match self.parts.shared.edge_clock {
            EdgeClock::Perf => "is not read",
            _ => "is read by a system call",
        };
        let message = format!("CPU time at edges of spans {instead}: {}", fallback.cause());
        self.batch.events.push(EventRow {
            time_ns: now_ns,
            kind: "edge_clock".to_owned(),
            count: 1,
            message,
        });
    }

    /// Reports once that another process closed the run because it assumed this process dead.
    pub(super) fn notice_closing(&mut self, now_ns: i64) {
        let flag = self.parts.was_closed.as_ref();
        if flag.is_some_and(|flag| flag.swap(false, Ordering::Relaxed)) {
            self.was_closed = true;
            let message = "another process assumed this one dead and closed the run; it was \
                           reopened and is attributed again at its end";
            self.event(now_ns, "reopened", message.to_owned());
        }
    }

    pub(super) fn report_losses(&mut self, now_ns: i64) {
        for SinkFailure { message, rows } in self.parts.writer.failures() {
            self.losses.add_rows(rows);
            self.event(now_ns, "sink_error", message);
        }
        self.losses
            .take_shared(&self.parts.shared, self.parts.assembler.merged_nodes());
        let batch = &mut self.batch;
        self.losses
            .new_events(now_ns, &mut |event| batch.events.push(event));
    }
}
