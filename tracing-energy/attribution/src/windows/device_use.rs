//! Busy time of devices by process, as a series for each rail.
//!
//! ```text
//! rows       | own 30, other 10  | own 0, other 40  |   ms busy in rows of 50 ms
//! window          |------------------|                 shares by overlap
//! unknown                                               busy time without a known process
//! ```

use std::collections::{BTreeMap, VecDeque};

use energy_data::rows::DeviceUseRow;

/// Shares of a window's active energy; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct UseShares {
    /// Share of the processes of the run.
    pub(crate) own: f64,
    /// Share of other processes.
    pub(crate) other_processes: f64,
    /// Share without a known process.
    pub(crate) unknown: f64,
}

/// The series of all rails.
#[derive(Debug, Default)]
pub(crate) struct DeviceUses {
    rails: BTreeMap<u32, VecDeque<DeviceUseRow>>,
}

impl DeviceUses {
    /// Adds a row. Rows of one rail must be in order of time.
    pub(crate) fn push(&mut self, row: DeviceUseRow) {
        if row.end_ns > row.start_ns {
            self.rails.entry(row.rail).or_default().push_back(row);
        }
    }

    /// Returns the shares of a rail's device in `[start, end)`; `None` if no row covers any of
    /// it. Time without a row is unknown.
    pub(crate) fn shares(&self, rail: u32, start: i64, end: i64) -> Option<UseShares> {
        let rows = self.rails.get(&rail)?;
        let first = rows.partition_point(|row| row.end_ns <= start);
        let inside = rows.range(first..).take_while(|row| row.start_ns < end);
        let [mut own, mut other_processes, mut unknown, mut covered] = [0.0; 4];
        for row in inside {
            let length = (row.end_ns.min(end) - row.start_ns.max(start)) as f64;
            let part = length / (row.end_ns - row.start_ns) as f64;
            own += row.own_ns.max(0) as f64 * part;
            other_processes += row.other_processes_ns.max(0) as f64 * part;
            unknown += row.unknown_ns.max(0) as f64 * part;
            covered += length;
        }
        let known = (covered / (end - start) as f64).min(1.0);
        let all = own + other_processes + unknown;
        let share = |busy: f64| if all > 0.0 { known * busy / all } else { 0.0 };
        let (own, other_processes) = (share(own), share(other_processes));
        (covered > 0.0).then_some(UseShares {
            own,
            other_processes,
            unknown: (1.0 - own - other_processes).max(0.0),
        })
    }

    /// Drops rows that no window ending after `before` can need.
    pub(crate) fn prune(&mut self, before: i64) {
        for rows in self.rails.values_mut() {
            while rows.front().is_some_and(|row| row.end_ns <= before) {
                rows.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(start_ns: i64, end_ns: i64, busy: [i64; 3]) -> DeviceUseRow {
        let [own_ns, other_processes_ns, unknown_ns] = busy;
        DeviceUseRow {
            rail: 1,
            start_ns,
            end_ns,
            own_ns,
            other_processes_ns,
            unknown_ns,
        }
    }

    #[test]
    fn shares_are_those_of_busy_time_in_the_window() {
        let mut uses = DeviceUses::default();
        uses.push(row(0, 100, [30, 10, 0]));
        uses.push(row(100, 200, [0, 40, 20]));
        assert_eq!(uses.shares(2, 0, 100), None);
        let first = uses.shares(1, 0, 100).unwrap();
        assert_eq!(
            (first.own, first.other_processes, first.unknown),
            (0.75, 0.25, 0.0)
        );
        let both = uses.shares(1, 50, 150).unwrap();
        assert!((both.own - 15.0 / 50.0).abs() < 1e-12);
        assert!((both.other_processes - 25.0 / 50.0).abs() < 1e-12);
        assert!((both.unknown - 10.0 / 50.0).abs() < 1e-12);
        uses.prune(100);
        assert_eq!(uses.shares(1, 0, 100), None);
    }

    #[test]
    fn time_without_a_row_and_an_unused_device_are_unknown() {
        let mut uses = DeviceUses::default();
        uses.push(row(0, 50, [20, 0, 0]));
        let half = uses.shares(1, 0, 100).unwrap();
        assert_eq!((half.own, half.unknown), (0.5, 0.5));
        uses.push(row(50, 100, [0, 0, 0]));
        let unused = uses.shares(1, 50, 100).unwrap();
        assert_eq!(
            (unused.own, unused.other_processes, unused.unknown),
            (0.0, 0.0, 1.0)
        );
    }
}
