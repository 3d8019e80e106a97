//! Limits the rate of readings.

use std::cell::{Cell, OnceCell};
use std::time::Duration;

use super::choice::EdgeClock;
use super::clock::ThreadClock;

/// Mean time between two readings of one thread.
pub(in crate::record) const INTERVAL: Duration = Duration::from_micros(100);
/// Reserve for the edges of outermost spans, in intervals.
const RESERVE: u64 = 3;

/// Limits the rate of one thread's readings of its CPU time.
#[derive(Debug)]
pub(in crate::record) struct EdgeMeter {
    way: EdgeClock,
    /// Raw counts from one reading to the next.
    interval: u64,
    /// Number of entered spans. Exits on another thread make it too high; edges are then
    /// treated as inner ones.
    depth: Cell<u32>,
    /// Raw time from which a reading is due at any edge.
    due: Cell<u64>,
    clock: OnceCell<Option<ThreadClock>>,
}

impl EdgeMeter {
    /// Creates the meter of the calling thread; `interval` is [`INTERVAL`] in raw counts.
    pub(in crate::record) fn new(way: EdgeClock, interval: u64) -> Self {
        let never = matches!(way, EdgeClock::Off);
        Self {
            way,
            interval,
            depth: Cell::new(0),
            due: Cell::new(if never { u64::MAX } else { 0 }),
            clock: OnceCell::new(),
        }
    }

    /// Handles the entry of a span at raw time `time`; returns the CPU time if it is to be
    /// recorded.
    #[inline(always)]
    pub(in crate::record) fn enter(&self, time: u64) -> Option<u64> {
        let depth = self.depth.get();
        self.depth.set(depth.wrapping_add(1));
        self.at_edge(depth == 0, time)
    }

    /// Handles the exit of a span as [`Self::enter`] does the entry.
    #[inline(always)]
    pub(in crate::record) fn exit(&self, time: u64) -> Option<u64> {
        let depth = self.depth.get().saturating_sub(1);
        self.depth.set(depth);
        self.at_edge(depth == 0, time)
    }

    #[inline(always)]
    fn at_edge(&self, outermost: bool, time: u64) -> Option<u64> {
        let reserve = if outermost {
            RESERVE * self.interval
        } else {
            0
        };
        if time.saturating_add(reserve) < self.due.get() {
            return None;
        }
        self.read(time)
    }

    #[cold]
    fn read(&self, time: u64) -> Option<u64> {
        if self.way == EdgeClock::Off {
            return None;
        }
        self.due
            .set(self.due.get().max(time).saturating_add(self.interval));
        let clock = self.clock.get_or_init(|| ThreadClock::open(self.way));
        let now = clock.as_ref().and_then(ThreadClock::now);
        if now.is_none() {
            self.due.set(u64::MAX);
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the raw times of those edges at which a reading is made.
    fn read_edges(meter: &EdgeMeter, edges: &[(u64, bool)]) -> Vec<u64> {
        let read = edges.iter().filter(|(time, enters)| match enters {
            true => meter.enter(*time).is_some(),
            false => meter.exit(*time).is_some(),
        });
        read.map(|(time, _)| *time).collect()
    }

    /// ```text
    /// edges   |=|          |=|            a pause of 50 intervals between
    /// ```
    #[test]
    fn both_edges_of_short_spans_are_read_after_a_pause() {
        let meter = EdgeMeter::new(EdgeClock::System, 100);
        let edges: Vec<(u64, bool)> = (0..20)
            .flat_map(|i| [(5_000 * i, true), (5_000 * i + 20, false)])
            .collect();
        assert_eq!(read_edges(&meter, &edges).len(), edges.len());
    }

    #[test]
    fn a_flood_of_spans_is_read_once_in_an_interval() {
        let meter = EdgeMeter::new(EdgeClock::System, 100);
        let edges: Vec<(u64, bool)> = (0..20_000).map(|i| (i, i % 2 == 0)).collect();
        let count = read_edges(&meter, &edges).len();
        assert!(
            (195..=205).contains(&count),
            "{count} readings in 200 intervals"
        );
    }

    /// ```text
    /// outer  |=============================|       5 inner spans at once
    /// inner   |||||                                 leave the outer's end its reading
    /// ```
    #[test]
    fn inner_edges_leave_the_reserve_to_outermost_ones() {
        let meter = EdgeMeter::new(EdgeClock::System, 100);
        let mut edges = vec![(1_000, true)];
        edges.extend((1..11).map(|i| (1_000 + i, i % 2 == 1)));
        edges.push((1_020, false));
        assert_eq!(read_edges(&meter, &edges), [1_000, 1_020]);
    }

    #[test]
    fn no_edge_is_read_when_readings_are_off() {
        let meter = EdgeMeter::new(EdgeClock::Off, 100);
        assert!(meter.enter(5).is_none() && meter.exit(u64::MAX).is_none());
    }

    /// More exits than enters, as of spans that were entered on another thread.
    #[test]
    fn stray_exits_do_not_stop_readings() {
        let meter = EdgeMeter::new(EdgeClock::System, 100);
        assert!(meter.exit(1_000).is_some());
        assert!(meter.enter(2_000).is_some() && meter.exit(3_000).is_some());
    }
}
