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
//! Keys that were read are remembered from the earlier of the two times on, older ones as ranges of
//! time. A row that arrives later still is found when the run has ended: the rows of the table are
//! counted, and if some were not reported, the table is read again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rusqlite::Row;

use super::numbered::rows;
use crate::{Error, Store};
use energy_data::ranges::Ranges;

/// Time before the newest row that is read at each poll.
const SLACK_NS: i64 = 2_000_000_000;
/// Rows of a rail that is later than this are read when the run has ended.
const LATEST_NS: i64 = 60_000_000_000;
/// Interval at which rows of late rails are read.
const SLOW: Duration = Duration::from_secs(2);
/// Number of rows that are read at once when the table is read again.
const PAGE: usize = 16_384;

/// Start, rail, thread and kind.
pub(super) type WindowKey = (i64, u32, u32, u32);

/// A row with its key and its end.
pub(super) type WindowRow<T> = (WindowKey, i64, T);

/// A table ordered by time. In its statements, `?1` is the run, `?2` the attribution and `?3` the
/// first start.
#[derive(Debug)]
pub(super) struct WindowTable<T> {
    /// Reads rows; `?4` is the limit.
    pub(super) rows: &'static str,
    /// Counts them.
    pub(super) count: &'static str,
    pub(super) read: fn(&Row<'_>) -> rusqlite::Result<WindowRow<T>>,
}

/// The rows of one table that were read.
#[derive(Debug)]
pub(super) struct WindowCursor<T> {
    table: WindowTable<T>,
    /// Last start of each rail.
    rails: BTreeMap<u32, i64>,
    /// Ends of known rows that start at `known_ns` or later.
    known: BTreeMap<WindowKey, i64>,
    known_ns: i64,
    /// Earlier known rows, by rail.
    earlier: BTreeMap<u32, Ranges>,
    /// Number of known rows.
    count: i64,
    /// Earlier rows are never read.
    floor_ns: i64,
    slow: Option<Instant>,
    again: ReadAgain,
}

/// Progress of reading the table again.
#[derive(Debug, Clone, Copy)]
struct ReadAgain {
    /// Start from which to continue.
    from_ns: i64,
    /// Number of rows of the table when it was read completely.
    complete: Option<i64>,
}

impl<T> WindowCursor<T> {
    pub(super) fn new(table: WindowTable<T>) -> Self {
        Self {
            table,
            rails: BTreeMap::new(),
            known: BTreeMap::new(),
            known_ns: i64::MIN,
            earlier: BTreeMap::new(),
            count: 0,
            floor_ns: i64::MIN,
            slow: None,
            again: ReadAgain {
                from_ns: i64::MIN,
                complete: None,
            },
        }
    }

    /// Continues after the rows that are in the table, of which `newest_ns` is the last start. What
    /// arrives later is read although it may start before that.
    pub(super) fn skip(
        &mut self,
        store: &Store,
        (run, attribution): (i64, u32),
        newest_ns: i64,
    ) -> Result<(), Error> {
        let floor_ns = newest_ns.saturating_sub(LATEST_NS);
        let bounds = (run, attribution, floor_ns, i64::MAX);
        let found = rows(store, self.table.rows, bounds, self.table.read)?;
        self.floor_ns = floor_ns;
        for (key, end_ns, _) in found {
            self.know(key, end_ns);
        }
        Ok(())
    }

    /// Returns new rows by start, of which `left` are allowed. The run has `rails` rails. With `all`,
    /// rows of late rails are included.
    pub(super) fn read(
        &mut self,
        store: &Store,
        (run, attribution): (i64, u32),
        (left, rails, all): (&mut usize, usize, bool),
    ) -> Result<Vec<T>, Error> {
        if *left == 0 {
            return Ok(Vec::new());
        }
        let is_slow = all || self.slow.is_none_or(|slow| slow.elapsed() >= SLOW);
        let (fast_ns, slow_ns) = self.bounds(rails);
        let from_ns = if is_slow { slow_ns } else { fast_ns };
        let again = self.known.range((from_ns, 0, 0, 0)..).count();
        let limit = again.saturating_add(*left) as i64;
        let bounds = (run, attribution, from_ns, limit);
        let found = rows(store, self.table.rows, bounds, self.table.read)?;
        if is_slow {
            self.slow = Some(Instant::now());
        }
        let new = self.new_of(found);
        *left -= new.len().min(*left);
        self.forget_before(self.bounds(rails).1);
        Ok(new)
    }

    /// Returns rows that arrived too late for [`read`](Self::read), of which `left` are allowed.
    /// Called when the run has ended.
    pub(super) fn read_late(
        &mut self,
        store: &Store,
        (run, attribution): (i64, u32),
        left: &mut usize,
    ) -> Result<Vec<T>, Error> {
        if *left == 0 {
            return Ok(Vec::new());
        }
        let bounds = (run, attribution, self.floor_ns);
        let counted = rows(store, self.table.count, bounds, |r| r.get::<_, i64>(0))?;
        let stored = counted.into_iter().next().unwrap_or(0);
        if stored <= self.count || self.again.complete == Some(stored) {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let mut from_ns = self.again.from_ns.max(self.floor_ns);
        let mut page = PAGE;
        let mut complete = None;
        while complete.is_none() && found.len() < *left {
            let bounds = (run, attribution, from_ns, page as i64);
            let read = rows(store, self.table.rows, bounds, self.table.read)?;
            let last_ns = read.last().map(|(key, ..)| key.0);
            complete = (read.len() < page).then_some(stored);
            found.extend(read.into_iter().filter(|(key, ..)| !self.knows(*key)));
            match last_ns {
                // All rows of a page have the same start.
                Some(last_ns) if last_ns == from_ns => page *= 2,
                Some(last_ns) => from_ns = last_ns,
                None => {}
            }
        }
        self.again = match complete {
            Some(_) => ReadAgain {
                from_ns: i64::MIN,
                complete,
            },
            None => ReadAgain {
                from_ns,
                complete: None,
            },
        };
        let new = self.new_of(found);
        *left -= new.len().min(*left);
        self.forget_before(self.known_ns);
        Ok(new)
    }

    /// Returns the number of rows that are not reported, because they overlap a window of the same
    /// rail. Known when the table was read again.
    pub(super) fn skipped(&self) -> i64 {
        let skipped = self.again.complete.map(|stored| stored - self.count);
        skipped.unwrap_or(0).max(0)
    }

    /// Knows rows from now on; returns those that it did not know.
    fn new_of(&mut self, found: Vec<WindowRow<T>>) -> Vec<T> {
        let mut new = Vec::new();
        for (key, end_ns, row) in found {
            if !self.knows(key) {
                self.know(key, end_ns);
                new.push(row);
            }
        }
        new
    }

    fn knows(&self, key: WindowKey) -> bool {
        let is_earlier = || {
            let earlier = self.earlier.get(&key.1);
            earlier.is_some_and(|ranges| ranges.contains(key.0))
        };
        self.known.contains_key(&key) || key.0 < self.known_ns && is_earlier()
    }

    fn know(&mut self, key: WindowKey, end_ns: i64) {
        self.known.insert(key, end_ns);
        self.count += 1;
        let last = self.rails.entry(key.1).or_insert(key.0);
        *last = key.0.max(*last);
    }

    /// Remembers rows that start before `time_ns` as ranges.
    fn forget_before(&mut self, time_ns: i64) {
        let kept = self.known.split_off(&(time_ns, 0, 0, 0));
        for ((start_ns, rail, ..), end_ns) in std::mem::replace(&mut self.known, kept) {
            self.earlier.entry(rail).or_default().add(start_ns, end_ns);
        }
        self.known_ns = self.known_ns.max(time_ns);
    }

    /// Returns the starts from which to read.
    fn bounds(&self, rails: usize) -> (i64, i64) {
        let least_ns = self.floor_ns.max(self.known_ns);
        let Some(newest) = self.rails.values().copied().max() else {
            return (least_ns, least_ns);
        };
        let is_alive = |start: &i64| *start >= newest - LATEST_NS;
        let alive = self.rails.values().copied().filter(is_alive).min();
        let fast_ns = newest - SLACK_NS;
        // The first row of a slow rail starts long before it arrives.
        let slow_ns = match self.rails.len() < rails {
            true => newest - LATEST_NS,
            false => alive.unwrap_or(newest) - SLACK_NS,
        };
        (fast_ns.max(least_ns), slow_ns.max(least_ns))
    }
}
