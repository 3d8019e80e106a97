//! The costliest entry of each operation, which links its metric to a trace.

use std::collections::HashMap;
use std::sync::Arc;

use energy_data::trace_context::TraceId;

use crate::totals::{KindExemplar, KindTotals};

/// Maximum number of operations with an exemplar.
const MAX_KINDS: usize = 4_096;

/// Costliest entries since the previous metrics, by operation.
#[derive(Debug, Default)]
pub(super) struct KindExemplars(HashMap<Arc<str>, KindExemplar>);

impl KindExemplars {
    /// Adds an entry into the span `span_id` that ended at `unix_ns`.
    pub(super) fn add(
        &mut self,
        kind: &Arc<str>,
        self_j: f64,
        (trace, span_id): (TraceId, [u8; 8]),
        unix_ns: i64,
    ) {
        let known = self.0.get(kind);
        let is_costlier = known.is_none_or(|known| self_j > known.self_j);
        if !is_costlier || known.is_none() && self.0.len() >= MAX_KINDS {
            return;
        }
        let exemplar = KindExemplar {
            trace_id: trace.bytes(),
            span_id,
            unix_ns,
            self_j,
        };
        self.0.insert(Arc::clone(kind), exemplar);
    }

    /// Adds the exemplars to totals, and forgets them.
    pub(super) fn take(&mut self, kinds: &mut [KindTotals]) {
        for kind in kinds {
            kind.exemplar = self.0.remove(kind.kind.as_str());
        }
        self.0.clear();
    }
}
