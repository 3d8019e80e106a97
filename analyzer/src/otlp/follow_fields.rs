//! Data fields of followed spans, which the follower does not report.

use energy_data::rows::{FieldsRow, SpanRow};
use energy_store::Store;

use crate::error::Result;

/// Reads the fields of each span when it has begun and ended, and once more with the rows after it: a
/// recorder writes them when the span is closed.
#[derive(Debug)]
pub(super) struct FieldCursor {
    run: i64,
    /// Lowest number of the spans that were new in the previous rows.
    from: u64,
    /// Highest number that was read.
    last: u64,
    /// Earlier spans that ended in the previous rows.
    ended: Vec<u64>,
}

impl FieldCursor {
    /// Creates it for the run with that number.
    pub(super) fn new(run: i64) -> Self {
        Self {
            run,
            from: u64::MAX,
            last: 0,
            ended: Vec::new(),
        }
    }

    /// Returns the fields that belong to `spans`, or to the spans before them.
    pub(super) fn read(&mut self, store: &Store, spans: &[SpanRow]) -> Result<Vec<FieldsRow>> {
        let new = || {
            spans
                .iter()
                .map(|row| row.seq)
                .filter(|seq| *seq > self.last)
        };
        let first = new().min().unwrap_or(u64::MAX);
        let last = new().max().unwrap_or(self.last);
        let from = self.from.min(first);
        let mut found = Vec::new();
        if from <= last {
            for row in store.fields_from(self.run, from)?.iter()? {
                let row = row?;
                if row.span > last {
                    break;
                }
                found.push(row);
            }
        }
        let old = spans
            .iter()
            .filter(|row| row.seq < from && row.end_ns.is_some());
        let old: Vec<u64> = old.map(|row| row.seq).collect();
        for span in self.ended.iter().chain(&old).filter(|seq| **seq < from) {
            let json = store.fields_of(self.run, *span)?;
            found.extend(json.map(|json| FieldsRow { span: *span, json }));
        }
        (self.from, self.last, self.ended) = (first, last, old);
        Ok(found)
    }
}
