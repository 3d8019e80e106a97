//! The run as the sinks know it: its row, its lease, and what sinks and other processes did to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::rows::RunRows;
use crate::record::{Detail, EdgeClock, Fallback};
use crate::recorder::batch;
use crate::recorder::control::Control;
use crate::recorder::writer::{SinkFailure, SinkWriter};
use energy_data::rows::{EventRow, RunRow, RunStatus};
use energy_data::sink::Batch;
use energy_host as host;

/// The run's row and the writer of its batches.
pub(super) struct Delivery {
    writer: SinkWriter,
    run: RunRow,
    control: Arc<Control>,
    detail: Detail,
    edge_clock: EdgeClock,
    has_noted_fallback: bool,
    /// Set by the sink when another process has closed the run.
    closed_flag: Option<Arc<AtomicBool>>,
    /// Whether that was reported.
    was_closed: bool,
}

impl Delivery {
    pub(super) fn new(
        (writer, closed_flag): (SinkWriter, Option<Arc<AtomicBool>>),
        (run, control): (RunRow, &Arc<Control>),
        detail: Detail,
        edge_clock: EdgeClock,
    ) -> Self {
        Self {
            writer,
            run,
            control: Arc::clone(control),
            detail,
            edge_clock,
            has_noted_fallback: false,
            closed_flag,
            was_closed: false,
        }
    }

    /// Returns the run's uuid.
    pub(super) fn uuid(&self) -> &str {
        &self.run.uuid
    }

    /// Returns whether another process closed the run while it was recorded.
    pub(super) fn was_closed(&self) -> bool {
        self.was_closed
    }

    /// Returns the writer.
    pub(super) fn writer(&self) -> &SinkWriter {
        &self.writer
    }

    /// Renews the run's lease between flushes.
    pub(super) fn renew(&self, now_ns: i64) {
        self.writer.offer(Batch {
            time_ns: now_ns,
            heartbeat_unix_ns: host::unix_ns(),
            ..Batch::default()
        });
    }

    /// Sends the rows since the last flush, with the metadata if it has changed.
    pub(super) fn flush(&mut self, now_ns: i64, rows: &mut RunRows) {
        if let Some(metadata) = self.control.changed_metadata() {
            self.run.metadata = metadata;
            rows.batch.run = Some(self.run.clone());
        }
        rows.send(&self.writer, now_ns);
    }

    /// Waits until all sent batches are processed.
    pub(super) fn drain(&self) {
        self.writer.drain();
    }

    /// Reports failures of sinks.
    pub(super) fn report_failures(&self, now_ns: i64, rows: &mut RunRows) {
        for SinkFailure {
            message,
            rows: lost,
        } in self.writer.failures()
        {
            rows.losses.add_rows(lost);
            rows.event(now_ns, "sink_error", message);
        }
    }

    /// Reports once that another process closed the run because it assumed this process dead.
    pub(super) fn notice_closing(&mut self, now_ns: i64, rows: &mut RunRows) {
        let flag = self.closed_flag.as_ref();
        if flag.is_some_and(|flag| flag.swap(false, Ordering::Relaxed)) {
            self.was_closed = true;
            let message = "another process assumed this one dead and closed the run; it was \
                           reopened and is attributed again at its end";
            rows.event(now_ns, "reopened", message.to_owned());
        }
    }

    /// Reports once that CPU time at edges is read by the system's clock, and why. This is
    /// as exact as a perf event and only slower, so it is not a warning.
    pub(super) fn note_edge_clock(&mut self, now_ns: i64, rows: &mut RunRows) {
        let wants_perf = matches!(self.edge_clock, EdgeClock::Auto | EdgeClock::Perf);
        let Some(fallback) = Fallback::current().filter(|_| wants_perf) else {
            return;
        };
        if std::mem::replace(&mut self.has_noted_fallback, true) {
            return;
        }
        let instead = match self.edge_clock {
            EdgeClock::Perf => "is not read",
            _ => "is read by a system call",
        };
        let message = format!("CPU time at edges of spans {instead}: {}", fallback.cause());
        rows.batch.events.push(EventRow {
            time_ns: now_ns,
            kind: "edge_clock".to_owned(),
            count: 1,
            message,
        });
    }

    /// Marks the run as ended; the next batches contain it.
    pub(super) fn end_run(&mut self, end_ns: i64, status: RunStatus) {
        if let Some(metadata) = self.control.changed_metadata() {
            self.run.metadata = metadata;
        }
        self.run.status = status;
        self.run.end_ns = Some(end_ns);
    }

    /// Sends the remaining rows with the ended run.
    pub(super) fn send_last(&self, end_ns: i64, rows: &mut RunRows) {
        let mut batch = std::mem::take(&mut rows.batch);
        batch.run = Some(self.run.clone());
        batch.time_ns = end_ns;
        batch.heartbeat_unix_ns = host::unix_ns();
        if self.detail != Detail::Spans {
            batch::join_thread_rows(&mut batch.cpu);
        }
        batch::tidy(&mut batch);
        self.writer.send_last(batch);
    }

    /// Ends the writer thread and counts what the sinks refused.
    pub(super) fn finish(&mut self, rows: &mut RunRows) {
        for failure in self.writer.finish() {
            rows.losses.add_rows(failure.rows);
            rows.warnings.push(failure.message);
        }
    }
}
