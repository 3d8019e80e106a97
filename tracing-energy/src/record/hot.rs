//! Callbacks on traced threads: one short function for each.

use std::sync::Arc;

use tracing::Event;
use tracing::field::Visit;
use tracing::span::{Attributes, Record};

use super::capture::{has_fields, write_fields};
use super::shared::{Capture, Shared};
use super::thread_log::{Writer, with_writer};
use super::wire::{self, CONTEXTUAL, ROOT, RecordKind};

/// The parent of a new span or event.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SpanParent {
    /// The thread's current span.
    Contextual,
    /// None.
    Root,
    /// The recorded span with that id.
    Span(u64),
}

impl SpanParent {
    fn word(self) -> u64 {
        match self {
            Self::Contextual => CONTEXTUAL,
            Self::Root => ROOT,
            Self::Span(id) => id,
        }
    }
}

/// Writes a record, without its id if the log implies it.
#[inline(always)]
fn short_or_long(
    writer: &Writer,
    kinds: (RecordKind, RecordKind),
    id: u64,
    implied: u64,
    time: u64,
) -> bool {
    let appended = if id == implied {
        writer.append([wire::timed(kinds.0, time)])
    } else {
        writer.append([wire::timed(kinds.1, time), id])
    };
    if appended {
        writer.publish();
    }
    appended
}

/// Writes records for one recorder.
pub(crate) struct HotPath {
    pub(crate) shared: Arc<Shared>,
    pub(crate) key_fields: Arc<[String]>,
}

impl HotPath {
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.shared.gate.is_open()
    }

    #[inline]
    pub(crate) fn new_span(&self, id: u64, attributes: &Attributes<'_>, parent: SpanParent) {
        let metadata = attributes.metadata();
        with_writer(&self.shared, |writer| {
            writer.prefetch();
            let callsite = wire::callsite(metadata);
            let appended = match parent {
                // No clock: the thread's own order places the span well enough, for
                // nothing can enter it before this record.
                SpanParent::Contextual => writer.append([
                    wire::timed(RecordKind::New, writer.implied.time.get()),
                    id,
                    callsite,
                ]),
                SpanParent::Root => {
                    let time = writer.implied.time.get();
                    writer.append([wire::timed(RecordKind::NewUnder, time), id, callsite, ROOT])
                }
                SpanParent::Span(parent) => {
                    let time = self.shared.raw_now();
                    writer.append([
                        wire::timed(RecordKind::NewUnder, time),
                        id,
                        callsite,
                        parent,
                    ])
                }
            };
            if appended {
                writer.implied.new.set(id);
                if has_fields(metadata) {
                    self.fields(writer, |visitor| attributes.record(visitor));
                }
                writer.publish();
            }
        });
    }

    #[inline]
    pub(crate) fn enter(&self, id: u64) {
        with_writer(&self.shared, |writer| {
            let time = self.shared.raw_now();
            writer.cpu_time_at_enter(time);
            let latest = writer.implied.new.get();
            if short_or_long(
                writer,
                (RecordKind::EnterNew, RecordKind::Enter),
                id,
                latest,
                time,
            ) {
                writer.implied.entered.set(id);
                writer.implied.time.set(time);
            }
        });
    }

    #[inline]
    pub(crate) fn exit(&self, id: u64) {
        let time = self.shared.raw_now();
        with_writer(&self.shared, |writer| {
            writer.cpu_time_at_exit(time);
            let latest = writer.implied.entered.get();
            if short_or_long(
                writer,
                (RecordKind::ExitLast, RecordKind::Exit),
                id,
                latest,
                time,
            ) {
                writer.implied.exited.set((id, time));
                writer.implied.time.set(time);
            }
        });
    }

    #[inline]
    pub(crate) fn close(&self, id: u64) {
        with_writer(&self.shared, |writer| {
            let (latest, exit_time) = writer.implied.exited.get();
            let time = if latest == id {
                exit_time
            } else {
                self.shared.raw_now()
            };
            short_or_long(
                writer,
                (RecordKind::CloseLast, RecordKind::Close),
                id,
                latest,
                time,
            );
        });
    }

    pub(crate) fn record(&self, id: u64, values: &Record<'_>) {
        with_writer(&self.shared, |writer| {
            if writer.append([wire::timed(RecordKind::Record, self.shared.raw_now()), id]) {
                self.fields(writer, |visitor| values.record(visitor));
                writer.publish();
            }
        });
    }

    pub(crate) fn follows(&self, id: u64, follows: u64) {
        with_writer(&self.shared, |writer| {
            if writer.append([
                wire::timed(RecordKind::Follows, self.shared.raw_now()),
                id,
                follows,
            ]) {
                writer.publish();
            }
        });
    }

    pub(crate) fn event(&self, event: &Event<'_>, parent: SpanParent) {
        if self.shared.kept.capture == Capture::KeyFields {
            return;
        }
        with_writer(&self.shared, |writer| {
            let time = self.shared.raw_now();
            if writer.append([
                wire::timed(RecordKind::Event, time),
                wire::callsite(event.metadata()),
                parent.word(),
            ]) {
                self.fields(writer, |visitor| event.record(visitor));
                writer.publish();
            }
        });
    }

    #[inline(always)]
    fn fields(&self, writer: &Writer, visit: impl FnOnce(&mut dyn Visit)) {
        writer.while_busy(|| write_fields(writer, self.shared.kept, &self.key_fields, visit));
    }
}
