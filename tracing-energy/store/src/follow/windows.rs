//! Tables ordered by time.
//!
//! Rails are late by different times, and sensors may deliver in disorder:
//!
//! ```text
//! rail 1   |---|---|---|---|---|        newest
//! rail 2   |---|---|---|---|
//! rail 3   |-------------------|  <- arrives late, and starts long before the newest
//!                      ^ 2 s before the newest: read at each poll
//!          ^ last start of the slowest rail: read every two seconds, and at the end
//! ```
//!
//! Keys that were read are remembered from the earlier of the two times on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rusqlite::Row;

use super::numbered::rows;
use crate::{Error, Store};

/// Time before the newest row that is read at each poll.
const SLACK_NS: i64 = 2_000_000_000;
/// A rail that is later than this does not send any more.
const LATEST_NS: i64 = 60_000_000_000;
/// Interval at which rows of late rails are read.
const SLOW: Duration = Duration::from_secs(2);

/// Start, rail, thread and kind.
pub(super) type WindowKey = (i64, u32, u32, u32);

/// The rows of one table that were read.
#[derive(Debug)]
pub(super) struct WindowCursor {
    /// In it, `?1` is the run, `?2` the attribution, `?3` the first start, `?4` the limit.
    sql: &'static str,
    /// Last start of each rail.
    rails: BTreeMap<u32, i64>,
    known: BTreeSet<WindowKey>,
    /// Earlier rows are never read.
    floor_ns: i64,
    slow: Option<Instant>,
}

impl WindowCursor {
    pub(super) fn new(sql: &'static str) -> Self {
        Self {
            sql,
            rails: BTreeMap::new(),
            known: BTreeSet::new(),
            floor_ns: i64::MIN,
            slow: None,
        }
    }

    /// Continues after `start_ns`.
    pub(super) fn skip(&mut self, start_ns: i64) {
        self.floor_ns = start_ns.saturating_add(1);
    }

    /// Returns new rows by start, of which `left` are allowed. The run has `rails` rails. With `all`,
    /// rows of late rails are included.
    pub(super) fn read<T>(
        &mut self,
        store: &Store,
        (run, attribution): (i64, u32),
        (left, rails, all): (&mut usize, usize, bool),
        read: impl Fn(&Row<'_>) -> rusqlite::Result<(WindowKey, T)>,
    ) -> Result<Vec<T>, Error> {
        if *left == 0 {
            return Ok(Vec::new());
        }
        let is_slow = all || self.slow.is_none_or(|slow| slow.elapsed() >= SLOW);
        let (fast_ns, slow_ns) = self.bounds(rails);
        let from_ns = if is_slow { slow_ns } else { fast_ns };
        let again = self.known.range((from_ns, 0, 0, 0)..).count();
        let limit = (again + *left) as i64;
        let found = rows(store, self.sql, (run, attribution, from_ns, limit), read)?;
        if is_slow {
            self.slow = Some(Instant::now());
        }
        let mut new = Vec::new();
        for (key, row) in found {
            if self.known.insert(key) {
                let last = self.rails.entry(key.1).or_insert(key.0);
                *last = key.0.max(*last);
                new.push(row);
            }
        }
        *left -= new.len().min(*left);
        let (_, slow_ns) = self.bounds(rails);
        self.known = self.known.split_off(&(slow_ns, 0, 0, 0));
        Ok(new)
    }

    /// Returns the starts from which to read.
    fn bounds(&self, rails: usize) -> (i64, i64) {
        let Some(newest) = self.rails.values().copied().max() else {
            return (self.floor_ns, self.floor_ns);
        };
        let is_alive = |start: &i64| *start >= newest - LATEST_NS;
        let alive = self.rails.values().copied().filter(is_alive).min();
        let fast_ns = newest - SLACK_NS;
        // The first row of a slow rail starts long before it arrives.
        let slow_ns = match self.rails.len() < rails {
            true => newest - LATEST_NS,
            false => alive.unwrap_or(newest) - SLACK_NS,
        };
        (fast_ns.max(self.floor_ns), slow_ns.max(self.floor_ns))
    }
}
