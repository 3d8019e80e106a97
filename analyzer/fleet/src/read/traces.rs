//! Traces of span entries, by the fields of their spans.

use std::collections::HashMap;

use energy_data::trace_context::{TraceContext, TraceId};
use rusqlite::OptionalExtension as _;

use crate::error::Result;
use crate::query::{Recording, Run};

/// Bits of a span's id that are its number within the run.
pub(super) const SEQ: i64 = (1 << 40) - 1;

/// Finds the traces of spans that were entered several times: the first entry has the fields, which
/// are written when the span is closed.
pub(super) struct InstanceTraces<'r> {
    recording: &'r Recording,
    run: i64,
    found: HashMap<i64, Option<TraceId>>,
}

impl<'r> InstanceTraces<'r> {
    pub(super) fn new(recording: &'r Recording, run: &Run) -> Self {
        Self {
            recording,
            run: run.no,
            found: HashMap::new(),
        }
    }

    /// Returns the trace that the entry's own fields name, or those of the first entry into the span
    /// `instance`. `seq` is the number of the entry.
    pub(super) fn of(
        &mut self,
        seq: i64,
        instance: Option<i64>,
        fields: Option<&str>,
    ) -> Result<Option<TraceId>> {
        let own = fields.and_then(trace_id);
        let Some(instance) = instance.filter(|_| own.is_none()) else {
            return Ok(own);
        };
        if let Some(found) = self.found.get(&instance) {
            return Ok(*found);
        }
        let found = self.fields(seq, instance)?.as_deref().and_then(trace_id);
        self.found.insert(instance, found);
        Ok(found)
    }

    /// Returns the fields of a span. `None` if it is open.
    fn fields(&self, seq: i64, instance: i64) -> Result<Option<String>> {
        let sql = "SELECT created_ns FROM instances WHERE run = ?1 AND id = ?2";
        let mut created = self.recording.connection().prepare_cached(sql)?;
        let created = created.query_row([self.run, instance], |r| r.get(0));
        let Some(created_ns) = created.optional()? else {
            return Ok(None);
        };
        let store = self.recording.store();
        let (lowest, _) = energy_store::span_ids(self.run);
        let number = |seq: u64| i64::try_from(seq).unwrap_or(SEQ);
        let from = lowest + number(store.first_span_at(self.run, created_ns)?);
        // The first entry is near the creation, and not after this one.
        let sql = "SELECT f.json FROM span_fields f WHERE f.span = (
                       SELECT id FROM spans
                       WHERE id BETWEEN ?1 AND ?2 AND instance = ?3 ORDER BY id LIMIT 1)";
        let mut first = self.recording.connection().prepare_cached(sql)?;
        let fields = first.query_row([from, lowest + seq, instance], |r| r.get(0));
        Ok(fields.optional()?)
    }
}

/// Returns the trace that the fields of a span name.
fn trace_id(fields: &str) -> Option<TraceId> {
    TraceContext::of_fields(fields).map(|context| context.trace_id)
}
