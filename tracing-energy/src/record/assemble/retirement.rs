//! The remaining rows of a span that is left and closed.

use crate::record::callsite::{Callsites, FieldUse};
use crate::record::instances::{Instance, Instances};
use crate::record::output::AssemblerOutput;
use energy_data::rows::{InstanceRow, SpanRow};

/// Writes the remaining rows of instances.
pub(super) struct Retirement {
    /// Whether instances and fields have rows.
    pub(super) has_rows: bool,
}

impl Retirement {
    /// Writes the remaining rows of an instance and releases it.
    pub(super) fn retire(
        &self,
        slot: usize,
        instances: &mut Instances,
        callsites: &Callsites,
        out: &mut impl AssemblerOutput,
    ) {
        let instance = instances.get(slot);
        if self.has_rows
            && let Some(callsite) = instance.callsite.map(|number| callsites.get(number))
        {
            if instance.needs_row() {
                out.instance(InstanceRow {
                    id: instance.number,
                    callsite: callsite.id,
                    parent: instances
                        .resolve(instance.parent)
                        .map(|parent| parent.number),
                    created_ns: instance.created_ns,
                    closed_ns: instance.closed_ns,
                });
            }
            let has_fields = instance.has_data && instance.first_seq != 0;
            let json = || {
                instance.values.json(callsite, |field| {
                    matches!(field, FieldUse::Data | FieldUse::DeviceTime)
                })
            };
            if let Some(json) = has_fields.then(json).flatten() {
                out.fields(instance.first_seq, json);
            }
        }
        write_late_token(instances.get_mut(slot), out);
        instances.release(slot);
    }
}

/// Rewrites the row of a single activation if its token was recorded after its end.
fn write_late_token(instance: &mut Instance, out: &mut impl AssemblerOutput) {
    if let Some(only) = instance.only_row.take()
        && only.token != instance.token
    {
        out.span(SpanRow {
            token: instance.token,
            ..only
        });
    }
}
