//! Span entries of a run.
//!
//! ```text
//! number   1     2     3     4     5     6     7
//!          open  ended open  ended ended |     |     read so far: 5
//! poll     again       again             new   new
//! ```
//!
//! Numbers of new rows ascend. A row that is open is replaced when it ends, so that open ones are
//! read again by their numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::numbered::rows;
use crate::recording::span;
use crate::span_ids::{span_id, span_ids, split_span_id};
use crate::{Error, Store};
use energy_data::rows::SpanRow;

/// Maximum number of open rows that a poll reads again.
const AGAIN: usize = 4_096;
/// Number of rows in which open ones are searched when a run is followed from now on.
const RECENT: i64 = 1_024;

const NEW: &str = "
    SELECT id, node, instance, parent, thread, start_ns, end_ns, token
    FROM spans WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3";
const ONE: &str = "
    SELECT id, node, instance, parent, thread, start_ns, end_ns, token
    FROM spans WHERE id = ?1";

/// The entries that were read.
#[derive(Debug, Default)]
pub(super) struct SpanCursor {
    /// Number of the last one.
    last: u64,
    open: BTreeMap<u64, SpanRow>,
    /// Number after which open rows are read again next.
    again: u64,
    /// First number that was read.
    first: u64,
}

impl SpanCursor {
    /// Continues after the newest row of a run. Open rows are found among the newest ones and
    /// those around them.
    pub(super) fn skip(&mut self, store: &Store, no: i64) -> Result<Vec<SpanRow>, Error> {
        let (first, last) = span_ids(no);
        let newest = "SELECT max(id) FROM spans WHERE id BETWEEN ?1 AND ?2";
        let newest = rows(store, newest, (first, last), |r| r.get::<_, Option<i64>>(0))?;
        let Some(newest) = newest.into_iter().flatten().next() else {
            return Ok(Vec::new());
        };
        let begin = first.max(newest - RECENT);
        let recent = rows(store, NEW, (begin, newest, RECENT), span)?;
        let mut visited: BTreeSet<u64> = recent.iter().map(|row| row.seq).collect();
        let mut around: Vec<u64> = recent.iter().filter_map(|row| row.parent).collect();
        let mut open: Vec<SpanRow> = recent.into_iter().filter(is_open).collect();
        while let Some(seq) = around.pop() {
            if visited.insert(seq) {
                let found = rows(store, ONE, [span_id(no, seq)], span)?;
                around.extend(found.iter().filter_map(|row| row.parent));
                open.extend(found.into_iter().filter(is_open));
            }
        }
        open.sort_by_key(|row| row.seq);
        self.last = split_span_id(newest).1;
        self.first = self.last;
        self.open = open.iter().map(|row| (row.seq, *row)).collect();
        Ok(open)
    }

    /// Returns whether entries are open.
    pub(super) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Starts again where the cursor first was.
    pub(super) fn restart(&mut self) {
        self.last = self.first;
    }

    /// Returns changed rows, then new ones, of which `left` are allowed.
    pub(super) fn read(
        &mut self,
        store: &Store,
        no: i64,
        left: &mut usize,
    ) -> Result<Vec<SpanRow>, Error> {
        let mut changed = self.changed(store, no)?;
        let bounds = (span_id(no, self.last), span_ids(no).1, *left as i64);
        let new = rows(store, NEW, bounds, span)?;
        *left -= new.len().min(*left);
        // Kept only now, when nothing can fail any more.
        for row in &changed {
            match row.end_ns {
                Some(_) => drop(self.open.remove(&row.seq)),
                None => drop(self.open.insert(row.seq, *row)),
            }
        }
        for row in &new {
            self.last = self.last.max(row.seq);
            if is_open(row) {
                self.open.insert(row.seq, *row);
            }
        }
        changed.extend(new);
        Ok(changed)
    }

    /// Reads open rows again; returns those that have changed.
    fn changed(&mut self, store: &Store, no: i64) -> Result<Vec<SpanRow>, Error> {
        let mut changed = Vec::new();
        let after = self.open.range(self.again + 1..);
        let order = after.chain(self.open.range(..=self.again));
        let mut last = 0;
        for (seq, known) in order.take(AGAIN) {
            last = *seq;
            let found = rows(store, ONE, [span_id(no, *seq)], span)?;
            changed.extend(found.into_iter().filter(|row| row != known));
        }
        self.again = last;
        Ok(changed)
    }
}

fn is_open(row: &SpanRow) -> bool {
    row.end_ns.is_none()
}
