//! Exit and close of spans, and the rows that are written then.

use super::{Assembler, Detail};
use crate::record::callsite::FieldUse;
use crate::record::instances::Instance;
use crate::record::output::{AssemblerOutput, Loss};
use crate::record::threads::OpenActivation;
use energy_data::rows::{InstanceRow, SpanRow};

impl Assembler {
    pub(super) fn exit(
        &mut self,
        thread: usize,
        time_ns: i64,
        slot: usize,
        out: &mut impl AssemblerOutput,
    ) {
        if let Some(exited) = self.threads.exit(thread, slot, time_ns) {
            if let Some(open) = exited {
                self.ended(thread, open, time_ns, out);
            }
        } else if let Some((other, open)) = self.threads.exit_elsewhere(slot, time_ns) {
            out.loss(Loss::ForeignExit);
            self.ended(other, open, time_ns, out);
        } else {
            out.loss(Loss::StrayExit);
        }
    }

    /// Ends all open activations of a thread, inner ones first.
    pub(super) fn end_thread(
        &mut self,
        thread: usize,
        time_ns: i64,
        out: &mut impl AssemblerOutput,
    ) {
        while let Some(open) = self.threads.pop(thread, time_ns) {
            self.ended(thread, open, time_ns, out);
        }
    }

    pub(super) fn ended(
        &mut self,
        thread: usize,
        open: OpenActivation,
        end_ns: i64,
        out: &mut impl AssemblerOutput,
    ) {
        out.close(open.seq, end_ns);
        let thread_id = self.threads.id(thread);
        let instance = self.instances.get_mut(open.slot);
        instance.open -= 1;
        if open.kept {
            let mut row = row(thread_id, &open, instance.token, shared_instance(instance));
            row.end_ns = Some(end_ns.max(open.start_ns));
            if instance.activations == 1 {
                instance.only_row = Some(row);
            }
            out.span(row);
        }
        if instance.open == 0 && instance.closed_ns.is_some() {
            self.retire(open.slot, out);
        }
    }

    pub(super) fn close(&mut self, time_ns: i64, slot: usize, out: &mut impl AssemblerOutput) {
        let instance = self.instances.get_mut(slot);
        instance.closed_ns = Some(time_ns);
        if instance.open == 0 {
            self.retire(slot, out);
        }
    }

    /// Writes the remaining rows of an instance and releases it.
    pub(super) fn retire(&mut self, slot: usize, out: &mut impl AssemblerOutput) {
        let instance = self.instances.get(slot);
        if self.detail == Detail::Spans
            && let Some(callsite) = instance.callsite.map(|number| self.callsites.get(number))
        {
            if instance.needs_row() {
                out.instance(InstanceRow {
                    id: instance.number,
                    callsite: callsite.id,
                    parent: self
                        .instances
                        .resolve(instance.parent)
                        .map(|parent| parent.number),
                    created_ns: instance.created_ns,
                    closed_ns: instance.closed_ns,
                });
            }
            let has_fields = instance.has_data && instance.first_seq != 0;
            let json = || {
                instance
                    .values
                    .json(callsite, |field| field == FieldUse::Data)
            };
            if let Some(json) = has_fields.then(json).flatten() {
                out.fields(instance.first_seq, json);
            }
        }
        self.late_token(slot, out);
        self.instances.release(slot);
    }

    /// Rewrites the row of a single activation if its token was recorded after its end.
    fn late_token(&mut self, slot: usize, out: &mut impl AssemblerOutput) {
        let instance = self.instances.get_mut(slot);
        if let Some(only) = instance.only_row.take()
            && only.token != instance.token
        {
            out.span(SpanRow {
                token: instance.token,
                ..only
            });
        }
    }
}

/// Returns the instance number for an activation's row: `None` if it is the instance's only
/// activation.
pub(super) fn shared_instance(instance: &Instance) -> Option<u64> {
    (instance.activations > 1).then_some(instance.number)
}

/// Returns the row of an open activation.
pub(super) fn row(
    thread: u32,
    open: &OpenActivation,
    token: Option<i64>,
    instance: Option<u64>,
) -> SpanRow {
    SpanRow {
        seq: open.seq,
        node: open.node,
        instance,
        parent: open.parent,
        thread,
        start_ns: open.start_ns,
        end_ns: None,
        token,
    }
}
