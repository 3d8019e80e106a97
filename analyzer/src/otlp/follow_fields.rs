//! Data fields of followed spans, which the follower does not report.

use std::collections::BTreeSet;

use energy_data::rows::{FieldsRow, SpanRow};
use energy_store::Store;

use crate::error::Result;

/// Number of rows that may be read for one that is used: a range of rows is read faster than single
/// ones.
const READ_FOR_ONE: u64 = 4;

/// Reads the fields of each span when its row has changed, and once more with the next rows: a recorder
/// writes them when the span is closed.
#[derive(Debug)]
pub(super) struct FieldCursor {
    run: i64,
    /// Numbers of the spans in the previous rows.
    previous: BTreeSet<u64>,
}

impl FieldCursor {
    /// Creates it for the run with that number.
    pub(super) fn new(run: i64) -> Self {
        Self {
            run,
            previous: BTreeSet::new(),
        }
    }

    /// Returns the fields that belong to `spans`, or to the spans before them.
    pub(super) fn read(&mut self, store: &Store, spans: &[SpanRow]) -> Result<Vec<FieldsRow>> {
        let new: BTreeSet<u64> = spans.iter().map(|row| row.seq).collect();
        let mut wanted = std::mem::replace(&mut self.previous, new.clone());
        wanted.extend(new);
        // Spans that were begun long ago are far from the others.
        let (mut found, mut near) = (Vec::new(), Vec::new());
        for span in wanted {
            match near.last() {
                Some(last) if span - last > READ_FOR_ONE => {
                    self.read_near(store, &near, &mut found)?;
                    near.clear();
                }
                _ => {}
            }
            near.push(span);
        }
        self.read_near(store, &near, &mut found)?;
        Ok(found)
    }

    /// Reads the fields of spans with numbers near each other.
    fn read_near(&self, store: &Store, near: &[u64], found: &mut Vec<FieldsRow>) -> Result<()> {
        match near {
            [] => {}
            [span] => {
                let json = store.fields_of(self.run, *span)?;
                found.extend(json.map(|json| FieldsRow { span: *span, json }));
            }
            [first, .., last] => {
                for row in store.fields_from(self.run, *first)?.iter()? {
                    let row = row?;
                    if row.span > *last {
                        break;
                    }
                    if near.binary_search(&row.span).is_ok() {
                        found.push(row);
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing_energy::EnergyLayer;
    use tracing_subscriber::prelude::*;

    use super::*;
    use crate::query::Recording;

    fn row(seq: u64) -> SpanRow {
        SpanRow {
            seq,
            node: 1,
            instance: None,
            parent: None,
            thread: 1,
            start_ns: 0,
            end_ns: None,
            token: None,
        }
    }

    fn numbers(rows: &[FieldsRow]) -> Vec<u64> {
        rows.iter().map(|row| row.span).collect()
    }

    /// ```text
    /// spans   1 (open) ...... 100 101 102
    /// ```
    #[test]
    fn fields_of_other_spans_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("energy.db");
        let (layer, guard) = EnergyLayer::builder().database(&path).build().unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            for at in 0..110 {
                tracing::info_span!("op", at).in_scope(|| ());
            }
        });
        guard.finish();
        let recording = Recording::open(&path).unwrap();
        let run = recording.run("last").unwrap().no;
        let mut cursor = FieldCursor::new(run);
        let read = |cursor: &mut FieldCursor, spans: &[u64]| {
            let rows: Vec<SpanRow> = spans.iter().map(|seq| row(*seq)).collect();
            numbers(&cursor.read(recording.store(), &rows).unwrap())
        };
        assert_eq!(read(&mut cursor, &[1, 100, 102]), [1, 100, 102]);
        assert_eq!(
            read(&mut cursor, &[50]),
            [1, 50, 100, 102],
            "the previous ones again"
        );
        assert_eq!(read(&mut cursor, &[]), [50]);
        assert!(read(&mut cursor, &[]).is_empty());
    }
}
