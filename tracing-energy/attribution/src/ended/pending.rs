//! Ended activations that wait for the power of their windows.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::nested::NestedEnergy;
use super::present::PresentActivations;
use crate::kinds::KindNames;
use crate::pricing::WindowPowers;
use energy_data::rows::{FieldsRow, SpanRow};
use energy_data::sink::Batch;
use energy_data::units::Energy;

/// Maximum number of waiting activations; beyond it the oldest are written without energy.
const MAX_WAITING: usize = 200_000;

/// Intervals to wait for a window after an activation's end.
const MAX_DELAY_INTERVALS: i64 = 3;

/// Time between two removals of what is not needed any more.
const FORGET_NS: i64 = 5_000_000_000;

/// An activation that is ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedActivation {
    /// Its row.
    pub span: SpanRow,
    /// Its end.
    pub end_ns: i64,
    /// Active energy including nested activations of its thread, summed over root rails; `None`
    /// if windows do not cover its time.
    pub energy: Option<Energy>,
    /// Active energy without nested activations; `None` as above.
    pub self_energy: Option<Energy>,
    /// Its data fields, a JSON object.
    pub fields: Option<String>,
}

/// Ended activations in the order of their ends, and the powers known so far. Each activation is
/// returned once: rows that are written again later, with the number of an instance or a token, are
/// ignored.
///
/// Memory is bounded: an activation waits at most three intervals for its windows, together with at
/// most 200,000 others. Windows are kept while an open or waiting activation needs them.
#[derive(Default)]
pub struct EndedActivations {
    /// By end, inner ones first.
    waiting: BTreeMap<(i64, Reverse<u64>), SpanRow>,
    /// Open or waiting activations, whose fields are kept.
    present: PresentActivations,
    fields: HashMap<u64, String>,
    powers: WindowPowers,
    kinds: KindNames,
    /// Energies of ended activations, for windows of single kinds.
    nested: NestedEnergy,
    /// Root rails and the ends of their latest windows.
    windows_end: BTreeMap<u32, Option<i64>>,
    interval_ns: i64,
    /// Start after which unneeded windows are removed next.
    forget_ns: i64,
}

impl EndedActivations {
    /// Adds the rows of a batch.
    pub fn add(&mut self, batch: &Batch) {
        for rail in &batch.rails {
            if rail.parent.is_some() {
                // It may have been a root before.
                self.windows_end.remove(&rail.id);
                self.powers.remove_rail(rail.id);
                continue;
            }
            self.windows_end.entry(rail.id).or_default();
            self.interval_ns = self.interval_ns.max(rail.interval_ns);
        }
        batch
            .callsites
            .iter()
            .for_each(|row| self.kinds.callsite(row));
        for node in &batch.nodes {
            self.kinds.node(node);
        }
        for span in &batch.spans {
            let is_new = self.present.add(span, self.kinds.kind_of(span.node));
            if let (true, Some(end_ns)) = (is_new, span.end_ns) {
                self.waiting.insert((end_ns, Reverse(span.seq)), *span);
            }
        }
        for FieldsRow { span, json } in &batch.fields {
            if self.present.contains(*span) {
                self.fields.insert(*span, json.clone());
            }
        }
        for row in &batch.attribution.window_power {
            if self.window_ended(row.rail, row.end_ns) {
                self.powers.insert(row);
            }
        }
        for row in &batch.attribution.sample_balance {
            self.window_ended(row.rail, row.end_ns);
        }
        self.forget();
    }

    /// Returns whether an activation was returned by [`Self::next`].
    pub fn is_returned(&self, seq: u64) -> bool {
        self.present.is_returned(seq)
    }

    /// Returns the name of a node's kind.
    pub fn kind_name(&self, node: u32) -> Option<&str> {
        self.kinds.name_of_node(node)
    }

    /// Records the end of a rail's window; false for a rail inside another.
    fn window_ended(&mut self, rail: u32, end_ns: i64) -> bool {
        let Some(latest) = self.windows_end.get_mut(&rail) else {
            return false;
        };
        *latest = (*latest).max(Some(end_ns));
        true
    }

    /// Removes windows and ended activations that no activation needs any more.
    fn forget(&mut self) {
        if self.present.latest_ns() < self.forget_ns {
            return;
        }
        self.forget_ns = self.present.latest_ns().saturating_add(FORGET_NS);
        let needed = self.present.needed();
        self.powers.forget(|kind, thread| needed.of(kind, thread));
        self.nested.forget(|thread| needed.of(None, Some(thread)));
    }

    /// Returns the next activation whose windows have closed, that has waited long enough
    /// at `now_ns`, or that exceeds the maximum.
    pub fn next(&mut self, now_ns: i64) -> Option<EndedActivation> {
        let (&(end_ns, Reverse(seq)), _) = self.waiting.first_key_value()?;
        let known_to = self.windows_end.values().copied().min().flatten();
        let late_from = now_ns.saturating_sub(MAX_DELAY_INTERVALS.saturating_mul(self.interval_ns));
        let known = known_to.is_some_and(|known_to| end_ns <= known_to);
        if !known && end_ns > late_from && self.waiting.len() <= MAX_WAITING {
            return None;
        }
        let span = self.waiting.remove(&(end_ns, Reverse(seq)))?;
        self.present.returned(seq);
        let kind = self.kinds.kind_of(span.node).unwrap_or(0);
        // Nested activations are tracked from the start: windows of kinds may come later.
        let priced = self.nested.cost(&span, end_ns, kind, &self.powers);
        let energy = match self.powers.has_kinds() {
            true => priced.energy,
            false => self.powers.energy(span.thread, span.start_ns, end_ns),
        };
        Some(EndedActivation {
            span,
            end_ns,
            energy,
            self_energy: priced.self_energy,
            fields: self.fields.remove(&seq),
        })
    }
}

#[cfg(test)]
mod tests;
