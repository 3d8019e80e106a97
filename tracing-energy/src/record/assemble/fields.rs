//! Assigns fields to spans and events.

use crate::record::callsite::{Callsites, FieldUse};
use crate::record::instances::Instances;
use crate::record::output::{AssemblerOutput, Loss};
use crate::record::values::{self, Values};
use crate::record::wire::FieldValue;
use energy_data::rows::SpanEventRow;

/// The span or event that the next fields belong to.
#[derive(Debug, Default)]
enum FieldOwner {
    #[default]
    Nothing,
    Span(usize),
    SpanEvent(Box<PendingSpanEvent>),
}

#[derive(Debug)]
struct PendingSpanEvent {
    row: SpanEventRow,
    callsite: usize,
    values: Values,
}

/// Assigns the fields of each thread's log, by number of the thread.
#[derive(Debug, Default)]
pub(super) struct FieldAssignment {
    owners: Vec<FieldOwner>,
    /// Time of the latest enter or exit, which times of devices are relative to.
    edges_ns: Vec<i64>,
}

impl FieldAssignment {
    /// Adds a thread.
    pub(super) fn add_thread(&mut self) {
        self.owners.push(FieldOwner::Nothing);
        self.edges_ns.push(0);
    }

    /// Notes an enter or exit on a thread.
    pub(super) fn edge(&mut self, thread: usize, time_ns: i64) {
        self.edges_ns[thread] = time_ns;
    }

    /// Assigns the next fields of a thread to the span in `slot`.
    pub(super) fn begin_span(&mut self, thread: usize, slot: usize) {
        self.owners[thread] = FieldOwner::Span(slot);
    }

    /// Assigns the next fields of a thread to an event with that callsite.
    pub(super) fn begin_event(&mut self, thread: usize, row: SpanEventRow, callsite: usize) {
        self.owners[thread] = FieldOwner::SpanEvent(Box::new(PendingSpanEvent {
            row,
            callsite,
            values: Values::default(),
        }));
    }

    /// Adds a field.
    pub(super) fn add(
        &mut self,
        thread: usize,
        (index, value): (usize, FieldValue<'_>),
        instances: &mut Instances,
        callsites: &Callsites,
        out: &mut impl AssemblerOutput,
    ) {
        if matches!(value, FieldValue::Text { cut: true, .. }) {
            out.loss(Loss::CutText);
        }
        match &mut self.owners[thread] {
            FieldOwner::Nothing => {}
            FieldOwner::SpanEvent(span_event) => span_event.values.set(index, value),
            FieldOwner::Span(slot) => {
                let instance = instances.get_mut(*slot);
                let Some(callsite) = instance.callsite else {
                    return;
                };
                match callsites.get(callsite).fields.get(index) {
                    Some(FieldUse::Key) => instance.node = None,
                    Some(FieldUse::Token) => {
                        instance.token = values::integer(value);
                        return;
                    }
                    Some(FieldUse::DeviceTime) => {
                        let Some(offset_ns) = values::integer(value) else {
                            return;
                        };
                        let time_ns = self.edges_ns[thread].saturating_add(offset_ns);
                        instance.has_data = true;
                        instance.values.set(index, FieldValue::I64(time_ns));
                        return;
                    }
                    Some(FieldUse::Data) => instance.has_data = true,
                    None => return,
                }
                instance.values.set(index, value);
            }
        }
    }

    /// Ends the fields of a thread's span or event, and writes the event.
    pub(super) fn end(
        &mut self,
        thread: usize,
        callsites: &Callsites,
        out: &mut impl AssemblerOutput,
    ) {
        if let FieldOwner::SpanEvent(span_event) = std::mem::take(&mut self.owners[thread]) {
            let PendingSpanEvent {
                mut row,
                callsite,
                values,
            } = *span_event;
            row.json = values
                .json(callsites.get(callsite), |_| true)
                .unwrap_or_else(|| "{}".to_owned());
            out.span_event(row);
        }
    }
}
