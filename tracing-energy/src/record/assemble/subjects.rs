//! Assigns fields to spans and events.

use super::Assembler;
use crate::record::callsite::FieldUse;
use crate::record::output::{AssemblerOutput, Loss};
use crate::record::values::{self, Values};
use crate::record::wire::{CONTEXTUAL, FieldValue, ROOT};
use energy_data::rows::SpanEventRow;

/// The span or event that the next fields belong to.
#[derive(Debug, Default)]
pub(super) enum Subject {
    #[default]
    Nothing,
    Span(usize),
    SpanEvent(Box<PendingSpanEvent>),
}

#[derive(Debug)]
pub(super) struct PendingSpanEvent {
    row: SpanEventRow,
    callsite: usize,
    values: Values,
}

impl Assembler {
    pub(super) fn field(
        &mut self,
        thread: usize,
        index: usize,
        value: FieldValue<'_>,
        out: &mut impl AssemblerOutput,
    ) {
        if matches!(value, FieldValue::Text { cut: true, .. }) {
            out.loss(Loss::CutText);
        }
        match &mut self.subjects[thread] {
            Subject::Nothing => {}
            Subject::SpanEvent(span_event) => span_event.values.set(index, value),
            Subject::Span(slot) => {
                let instance = self.instances.get_mut(*slot);
                let Some(callsite) = instance.callsite else {
                    return;
                };
                match self.callsites.get(callsite).fields.get(index) {
                    Some(FieldUse::Key) => instance.node = None,
                    Some(FieldUse::Token) => {
                        instance.token = values::token(value);
                        return;
                    }
                    Some(FieldUse::Data) => instance.has_data = true,
                    None => return,
                }
                instance.values.set(index, value);
            }
        }
    }

    pub(super) fn end_subject(&mut self, thread: usize, out: &mut impl AssemblerOutput) {
        if let Subject::SpanEvent(span_event) = std::mem::take(&mut self.subjects[thread]) {
            let PendingSpanEvent {
                mut row,
                callsite,
                values,
            } = *span_event;
            row.json = values
                .json(self.callsites.get(callsite), |_| true)
                .unwrap_or_else(|| "{}".to_owned());
            out.span_event(row);
        }
    }

    pub(super) fn span_event(
        &mut self,
        thread: usize,
        time_ns: i64,
        callsite: u64,
        parent: u64,
        out: &mut impl AssemblerOutput,
    ) {
        let number = self.callsite(callsite, out);
        let span = match parent {
            CONTEXTUAL => self.threads.top(thread).map(|open| open.seq),
            ROOT => None,
            id => self
                .instances
                .find(id)
                .map(|slot| self.instances.get(slot).last_seq)
                .filter(|&seq| seq != 0),
        };
        let row = SpanEventRow {
            time_ns,
            thread: self.threads.id(thread),
            span,
            callsite: self.callsites.get(number).id,
            json: String::new(),
        };
        self.subjects[thread] = Subject::SpanEvent(Box::new(PendingSpanEvent {
            row,
            callsite: number,
            values: Values::default(),
        }));
    }
}
