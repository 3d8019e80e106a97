//! Reduces the rows of a batch.

use std::collections::HashMap;

use energy_data::rows::{CpuRow, CpuScope, SpanRow};
use energy_data::sink::Batch;

/// Number of activation rows after which a batch is sent before the next flush.
pub(super) const FULL: usize = 8_192;

/// Sorts a batch's activations by number and keeps only the last row of each.
pub(super) fn tidy(batch: &mut Batch) {
    batch.spans.sort_by_key(|row| row.seq);
    let mut kept: Vec<SpanRow> = Vec::with_capacity(batch.spans.len());
    for row in batch.spans.drain(..) {
        match kept.last_mut() {
            Some(last) if last.seq == row.seq => *last = row,
            _ => kept.push(row),
        }
    }
    batch.spans = kept;
}

/// Joins consecutive rows of a thread between two readings of the process's CPU time. Node
/// totals do not state when in their window a node ran, so that finer rows have no use.
/// Coarser rows would cost accuracy, because samples may be shorter than a batch.
pub(super) fn join_thread_rows(rows: &mut Vec<CpuRow>) {
    let mut latest: HashMap<CpuScope, usize> = HashMap::new();
    let mut joined: Vec<CpuRow> = Vec::with_capacity(rows.len());
    for row in rows.drain(..) {
        let before = latest.get(&row.scope).map(|&at| &mut joined[at]);
        match before.filter(|before| before.end_ns == row.start_ns) {
            Some(before) => {
                before.end_ns = row.end_ns;
                before.on_cpu_ns += row.on_cpu_ns;
            }
            None => {
                match row.scope {
                    CpuScope::Thread(_) => drop(latest.insert(row.scope, joined.len())),
                    CpuScope::Process => latest.clear(),
                    _ => {}
                }
                joined.push(row);
            }
        }
    }
    *rows = joined;
}

/// Removes the rows of single activations from a batch that could not be written and
/// returns their number. Rows needed by attribution stay, and so do the ends of activations
/// that started at `flushed_ns` or before and may be stored as open.
pub(super) fn strip(batch: &mut Batch, flushed_ns: i64) -> u64 {
    let spans = batch.spans.len();
    batch.spans.retain(|row| row.start_ns <= flushed_ns);
    let rows = spans - batch.spans.len()
        + batch.fields.len()
        + batch.span_events.len()
        + batch.links.len();
    batch.fields.clear();
    batch.span_events.clear();
    batch.links.clear();
    rows as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_thread_that_follow_each_other_in_a_pass_are_joined() {
        let row = |scope, start_ns, end_ns, on_cpu_ns| CpuRow {
            scope,
            start_ns,
            end_ns,
            on_cpu_ns,
        };
        let (one, two) = (CpuScope::Thread(1), CpuScope::Thread(2));
        let mut rows = vec![
            row(one, 0, 10, 10),
            row(two, 5, 20, 1),
            row(one, 10, 40, 0),
            row(two, 25, 40, 2),
            row(one, 40, 45, 5),
            row(CpuScope::Process, 0, 50, 15),
            row(one, 45, 60, 5),
            row(one, 60, 70, 5),
            row(CpuScope::Process, 50, 100, 0),
        ];
        join_thread_rows(&mut rows);
        let joined = [
            row(one, 0, 45, 15),
            row(two, 5, 20, 1),
            row(two, 25, 40, 2),
            row(CpuScope::Process, 0, 50, 15),
            row(one, 45, 70, 10),
            row(CpuScope::Process, 50, 100, 0),
        ];
        assert_eq!(rows, joined);
    }
}
