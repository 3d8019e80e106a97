//! What runs on traced threads: one short function for each callback.

use std::sync::Arc;

use tracing::field::Visit;
use tracing::span::{Attributes, Record};
use tracing::{Event, Metadata};

use super::capture::{FieldWriter, has_fields};
use super::shared::{Capture, Shared};
use super::thread_log::{Writer, with_writer};
use super::wire::{self, CONTEXTUAL, Kind, ROOT};

/// The parent of a new span or event.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ParentIs {
    /// Whatever the thread is in.
    Contextual,
    /// Nothing.
    Root,
    /// The recorded span with that id.
    Span(u64),
}

impl ParentIs {
    fn word(self) -> u64 {
        match self {
            Self::Contextual => CONTEXTUAL,
            Self::Root => ROOT,
            Self::Span(id) => id,
        }
    }
}

/// Writes records for one recorder.
pub(crate) struct Hot {
    pub(crate) shared: Arc<Shared>,
    pub(crate) key_fields: Arc<[String]>,
}

impl Hot {
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.shared.gate.is_open()
    }

    #[inline]
    pub(crate) fn new_span(&self, id: u64, attributes: &Attributes<'_>, parent: ParentIs) {
        let metadata = attributes.metadata();
        with_writer(&self.shared, |writer| {
            // A thread that is in it already knows the time well enough: the span
            // cannot be entered before this record, and the log keeps its order.
            let time = match parent {
                ParentIs::Span(_) => self.shared.raw_now(),
                ParentIs::Contextual | ParentIs::Root => writer.last_time(),
            };
            let record = [wire::timed(Kind::New, time), id, wire::callsite(metadata), parent.word()];
            if writer.append(record) {
                self.fields(writer, metadata, |visitor| attributes.record(visitor));
                writer.publish();
            }
        });
    }

    #[inline]
    pub(crate) fn enter(&self, id: u64) {
        with_writer(&self.shared, |writer| {
            self.pair(writer, Kind::Enter, id, self.shared.raw_now());
        });
    }

    #[inline]
    pub(crate) fn exit(&self, id: u64) {
        let time = self.shared.raw_now();
        with_writer(&self.shared, |writer| {
            self.pair(writer, Kind::Exit, id, time);
            writer.note_exit(id, time);
        });
    }

    #[inline]
    pub(crate) fn close(&self, id: u64) {
        with_writer(&self.shared, |writer| {
            let time = writer.time_of_exit(id).unwrap_or_else(|| self.shared.raw_now());
            self.pair(writer, Kind::Close, id, time);
        });
    }

    pub(crate) fn record(&self, id: u64, values: &Record<'_>) {
        with_writer(&self.shared, |writer| {
            if self.pair(writer, Kind::Record, id, self.shared.raw_now()) {
                values.record(&mut FieldWriter::new(writer, self.shared.capture, &self.key_fields));
                writer.publish();
            }
        });
    }

    pub(crate) fn follows(&self, id: u64, follows: u64) {
        with_writer(&self.shared, |writer| {
            if writer.append([wire::timed(Kind::Follows, self.shared.raw_now()), id, follows]) {
                writer.publish();
            }
        });
    }

    pub(crate) fn event(&self, event: &Event<'_>, parent: ParentIs) {
        if self.shared.capture == Capture::KeyFields {
            return;
        }
        with_writer(&self.shared, |writer| {
            let time = self.shared.raw_now();
            if writer.append([wire::timed(Kind::Event, time), wire::callsite(event.metadata()), parent.word()]) {
                self.fields(writer, event.metadata(), |visitor| event.record(visitor));
                writer.publish();
            }
        });
    }

    #[inline]
    fn pair(&self, writer: &Writer, kind: Kind, id: u64, time: u64) -> bool {
        let appended = writer.append([wire::timed(kind, time), id]);
        if appended {
            writer.publish();
        }
        appended
    }

    #[inline]
    fn fields(&self, writer: &Writer, metadata: &Metadata<'_>, visit: impl FnOnce(&mut dyn Visit)) {
        if has_fields(metadata) {
            visit(&mut FieldWriter::new(writer, self.shared.capture, &self.key_fields));
        }
    }
}
