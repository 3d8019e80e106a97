//! Rows kept from batches that could not be written.

use energy_data::rows::{EventRow, SpanRow};
use energy_data::sink::Batch;

/// Maximum number of single events; more are summed by kind.
const EVENTS: usize = 1_000;

/// Rows that later rows refer to, ends of activations stored as open, the run's totals, and
/// events, which count the losses.
///
/// Bounded: rails, threads and conditions are few, callsites are code, nodes have a limit,
/// the number of activations open at the latest write is limited, totals are written once,
/// and events have few kinds.
///
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    rows: Batch,
    has_failed: bool,
}

impl Unwritten {
    /// Returns whether all batches so far were written.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_failed
    }

    /// Returns the rows.
    pub(super) fn rows(&self) -> &Batch {
        &self.rows
    }

    /// Returns whether an activation is kept: it ends one stored as open, none of which
    /// began after `open_until_ns`.
    pub(super) fn keeps(row: &SpanRow, open_until_ns: i64) -> bool {
        row.end_ns.is_some() && row.start_ns <= open_until_ns
    }

    /// Keeps those rows of a failed batch that must not be lost.
    pub(super) fn keep(&mut self, batch: &Batch, open_until_ns: i64) {
        self.has_failed = true;
        let rows = &mut self.rows;
        let ends = batch.spans.iter();
        let ends = ends.filter(|row| Self::keeps(row, open_until_ns));
        rows.spans.extend(ends);
        if batch.run.is_some() {
            rows.run.clone_from(&batch.run);
        }
        rows.rails.extend_from_slice(&batch.rails);
        rows.processes.extend_from_slice(&batch.processes);
        rows.threads.extend_from_slice(&batch.threads);
        rows.callsites.extend_from_slice(&batch.callsites);
        rows.nodes.extend_from_slice(&batch.nodes);
        rows.baselines.extend_from_slice(&batch.baselines);
        rows.conditions.extend_from_slice(&batch.conditions);
        batch
            .events
            .iter()
            .for_each(|event| keep_event(&mut rows.events, event));
        rows.attribution.keep(&batch.attribution);
        rows.heartbeat_unix_ns = batch.heartbeat_unix_ns;
    }
}

/// Keeps an event; beyond the maximum, adds its count to an earlier one of its kind.
fn keep_event(events: &mut Vec<EventRow>, event: &EventRow) {
    if events.len() < EVENTS {
        events.push(event.clone());
        return;
    }
    match events.iter_mut().rev().find(|kept| kept.kind == event.kind) {
        Some(kept) => {
            kept.count = kept.count.saturating_add(event.count);
            kept.message = format!("{}, latest: {}", event.kind, event.message);
        }
        None => events.push(event.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, count: u64) -> EventRow {
        EventRow {
            time_ns: 0,
            kind: kind.to_owned(),
            count,
            message: format!("{count} of them"),
        }
    }

    #[test]
    fn no_count_is_lost_with_many_unwritten_events() {
        let mut unwritten = Unwritten::default();
        assert!(unwritten.is_empty());
        for _ in 0..3 * EVENTS {
            let batch = Batch {
                events: vec![event("rows_dropped", 7), event("gap", 1)],
                ..Batch::default()
            };
            unwritten.keep(&batch, 0);
        }
        let sum = |kind| {
            let events = unwritten.rows().events.iter();
            let counts = events.filter(|one| one.kind == kind).map(|one| one.count);
            counts.sum::<u64>()
        };
        assert_eq!(sum("rows_dropped"), 21 * EVENTS as u64);
        assert_eq!(sum("gap"), 3 * EVENTS as u64);
        assert!(unwritten.rows().events.len() <= EVENTS + 2);
        assert!(!unwritten.is_empty());
    }
}
